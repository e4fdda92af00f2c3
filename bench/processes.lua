-- SPDX-License-Identifier: MIT
-- Child processes for the benchmarks, on luv. A function run with processes.main may wait for what they
-- do; every wait is bounded.

local uv = require "luv"

local processes = {}

local main
local running = {}

local function wake()
  local ok, err = coroutine.resume(main)
  if not ok then
    processes.kill_all()
    io.stderr:write("\n", debug.traceback(main, tostring(err)), "\n")
    os.exit(1)
  end
end

-- Runs f, which may wait; an error in it ends everything with exit code 1.
function processes.main(f)
  main = coroutine.create(f)
  wake()
end

local function wait_until(condition)
  while not condition() do coroutine.yield() end
end

function processes.kill_all()
  for process in pairs(running) do process.handle:kill "sigkill" end
end

-- Reads key=value lines into `found`.
local function collect(found, text)
  for key, value in text:gmatch "([%w_]+)=([^\n]*)\n" do found[key] = tonumber(value) or value end
end

-- Starts {program, arguments...}.
local function start(command)
  local process = { open = 2, stdout = "", stderr = "", found = {}, command = table.concat(command, " ") }
  local pipes = { uv.new_pipe(false), uv.new_pipe(false) }
  process.input = uv.new_pipe(false)
  local handle, err = uv.spawn(command[1], {
    args = { unpack(command, 2) }, stdio = { process.input, pipes[1], pipes[2] },
  }, function(code, signal)
    process.code, process.signal = code, signal
    running[process] = nil
    process.handle:close()
    wake()
  end)
  if not handle then error(("cannot start %s: %s"):format(command[1], err)) end
  process.handle = handle
  running[process] = true
  for i, stream in ipairs { "stdout", "stderr" } do
    pipes[i]:read_start(function(_, data)
      if data then
        process[stream] = process[stream] .. data
        if i == 1 then collect(process.found, process.stdout) end
      else
        pipes[i]:close()
        process.open = process.open - 1
      end
      wake()
    end)
  end
  return process
end

local function complain(process, what)
  processes.kill_all()
  error(("%s %s\n%s%s"):format(process.command, what, process.stdout, process.stderr), 0)
end

local function has_ended(process)
  return process.code and process.open == 0
end

-- Runs a listener, and a connector once the listener has said where; connector(endpoint) gives its
-- command. The connector's standard input ends when the listener has. Returns what each has printed,
-- {found, found}. Kills both after `limit` seconds.
function processes.run(listener, connector, limit)
  local started = { start(listener) }
  local late = false
  local timer = uv.new_timer()
  timer:start(limit * 1000, 0, function()
    late = true
    wake()
  end)
  if connector then
    wait_until(function() return started[1].found.endpoint or has_ended(started[1]) or late end)
    if not started[1].found.endpoint then complain(started[1], "did not say where it listens") end
    started[2] = start(connector(started[1].found.endpoint))
  end
  local found = {}
  for i, process in ipairs(started) do
    wait_until(function()
      local failed
      for _, each in ipairs(started) do failed = failed or (has_ended(each) and each.code ~= 0) end
      return has_ended(process) or failed or late
    end)
    for _, each in ipairs(started) do
      if has_ended(each) and each.code ~= 0 then
        complain(each, ("ended with %d (signal %d)"):format(each.code, each.signal))
      end
    end
    if not has_ended(process) then complain(process, "took more than " .. limit .. " s") end
    found[i] = process.found
    for _, each in ipairs(i == 1 and started or {}) do each.input:close() end
  end
  timer:close()
  return found
end

return processes
