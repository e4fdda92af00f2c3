-- SPDX-License-Identifier: MIT
-- Code that does not come back: stopped by --max-handler-time, and at the latest by the drain deadline.

local dead_letters = require "spec.dead_letters"
local support = require "spec.support"
local workers = require "spec.workers"

local loops = {
  ["an empty while"] = "while true do end",
  ["a numeric for"] = "for _ = 1, 1e18 do end",
  ["a repeat around pcall"] = [[
repeat pcall(function() local n = 0; while true do n = n + 1 end end) until false]],
  ["the building of strings"] = 'local s = ""; while true do s = s .. "x"; if #s > 1000 then s = "" end end',
  ["table.insert"] = "local t = {}; while true do table.insert(t, 1); if #t > 1e5 then t = {} end end",
  ["calls through the FFI"] = "local n = 0; while true do n = ffi.C.abs(n + 1) end",
  ["coroutines that take turns"] = [[
local co = coroutine.wrap(function() while true do coroutine.yield() end end); while true do co() end]],
  ["tail calls"] = "local function f(n) return f(n + 1) end; f(0)",
  ["zeroless.now()"] = "while true do zeroless.now() end",
  ["coroutines that never end"] = [[
while true do coroutine.resume(coroutine.create(function() local n = 0; while true do n = n + 1 end end)) end]],
  ["a message handler of xpcall"] = [[
while true do xpcall(function() while true do end end, function() while true do end end) end]],
  ["a message handler for another error"] = [[
while true do xpcall(function() error "other" end, function() local n = 0; while true do n = n + 1 end end) end]],
  ["xpcall with a handler"] = "while true do xpcall(function() while true do end end, debug.traceback) end",
}

local handler = [[
local zeroless, ffi = require "zeroless", require "ffi"
ffi.cdef "int abs(int);"
local server = zeroless.Server { host = "127.0.0.1" }
local pull = server:pull()
local push = zeroless.Client():connect_local(server.port):push()
push "endless"
push "next"
local function handle(message)
  if message == "next" then print "served on"; zeroless.stop() return end
  %s
end
for message in pull do
  local task = zeroless.spawn(handle, message)
  local ok, err = task:join()
  if message == "endless" then print(err) end
end]]

describe("--max-handler-time", function()
  for name, loop in pairs(loops) do
    for _, jit in ipairs { "-jon", "-joff" } do
      it("ends " .. name .. " with an error at its line (" .. jit .. "), and the process serves on", function()
        local child = support.run_host { jit, "--max-handler-time", "0.1", support.file(handler:format(loop)) }
        assert.equal(0, child.code, child.stderr)
        assert.matches("script.lua:10: stopped after 0.1 s of processor time without waiting "
          .. "(--max-handler-time)", child.stdout, 1, true)
        assert.matches("\nserved on\n", child.stdout, 1, true)
      end)
    end
  end

  it("ends the script when nobody joins the task: traceback, exit code 1", function()
    local child = support.run_host { "--max-handler-time", "0.1", "-e", "\nwhile true do end" }
    assert.equal(1, child.code)
    assert.matches("zlrun: (command line):2: stopped after 0.1 s", child.stderr, 1, true)
  end)

  for name, text in pairs {
    ["a callback of luv's"] = 'require "luv".new_timer():start(1, 0, function() while true do end end)',
    ["a function of on_stop"] = 'zeroless.on_stop(function() while true do end end) zeroless.stop()',
    ["a timer's function"] = "zeroless.after(0.001, function() while true do end end)",
  } do
    it("ends " .. name, function()
      local child = support.run_host { "--max-handler-time", "0.1", "-e",
        'local zeroless = require "zeroless"\n' .. text .. "\nzeroless.sleep(1000)" }
      assert.equal(1, child.code)
      assert.matches("(command line):2: stopped after 0.1 s", child.stderr, 1, true)
    end)
  end

  for _, jit in ipairs { "-jon", "-joff" } do
    it("ends a log handler that the host's own records reach (" .. jit .. "); it is no longer used", function()
      local child = support.run_host { jit, "--max-handler-time", "0.1", support.file [[
local zeroless = require "zeroless"
zeroless.log.handler(function()
  while true do end
end)
zeroless.after(0.01, zeroless.stop)
zeroless.spawn(function() zeroless.sleep(1000) end)
zeroless.sleep(1000)]] }
      assert.equal(0, child.code, child.stderr)
      assert.matches("the log handler failed and is no longer used: [^\n]*script.lua:3: stopped after 0.1 s",
        child.stderr)
      assert.matches("stopping: zeroless.stop()", child.stderr, 1, true)
    end)
  end

  it("leaves a message handler the time for a traceback", function()
    local child = support.run_host { "--max-handler-time", "0.1", "-e", [[
local zeroless = require "zeroless"
local function handler(err)
  local lines = {}
  for i = 1, 100 do lines[i] = debug.traceback(err):upper() end
  return table.concat(lines, "\n"):sub(1, 60)
end
print(xpcall(function() while true do end end, handler))]] }
    assert.matches("false\t(COMMAND LINE):7: STOPPED AFTER 0.1 S", child.stdout, 1, true)
  end)

  it("ends a function of on_reload, and the new generation serves", function()
    local child = workers.start([[
local zeroless = require "zeroless"
zeroless.on_reload(function() while true do end end)
for _ in zeroless.Server { host = "127.0.0.1", port = tonumber(arg[1]) }:pull() do end]],
      { "--max-handler-time", "0.1" }, support.free_port())
    workers.reload(child, 1)
    workers.reload(child, 2)
    assert.matches("zeroless.on_reload failed: [^\n]*script.lua:2: stopped after 0.1 s", child.stderr)
    workers.stop(child)
  end)

  it("lets new code that does not start fail, and the old one serves on", function()
    local text = [[
local pull = require "zeroless".Server { host = "127.0.0.1", port = tonumber(arg[1]) }:pull()
for _ in pull do end]]
    local child = workers.start(text, { "--max-handler-time", "0.1" }, support.free_port())
    workers.save(child, "local n = 0\nwhile true do n = n + 1 end")
    child:kill "sighup"
    child:expect "reload failed; still serving generation 1"
    workers.save(child, text)
    workers.reload(child, 1)
    workers.stop(child)
  end)

  it("counts the delivery as failed: it is dead-lettered, and the next is handled", function()
    local letters = support.folder() .. "/letters"
    local port = support.free_port()
    local child = workers.start([[
for message in require "zeroless".Server { host = "127.0.0.1", port = tonumber(arg[1]) }:pull() do
  while message == "endless" do end
  print("handled " .. message)
end]], { "--restart", "--dead-letter", letters, "--max-handler-time", "0.1" }, port)
    local push = require "zeroless".Client():connect_local(port):push()
    push "endless"
    push "next"
    child:expect "handled next"
    workers.stop(child)
    assert.same({ { "endless" } }, dead_letters.read(letters))
  end)

  it("leaves code alone that waits now and then, and luv's callbacks that come back", function()
    local child = support.run_host { "--max-handler-time", "0.3", "-e", [[
local zeroless, uv = require "zeroless", require "luv"
local function busy(seconds)
  local start = os.clock()
  while os.clock() - start < seconds do end
end
for _ = 1, 10 do busy(0.05); zeroless.sleep(0) end
local timer, ticks = uv.new_timer(), 0
timer:start(0, 1, function()
  busy(0.05)
  ticks = ticks + 1
  if ticks == 10 then timer:close() end
end)
repeat zeroless.sleep(0.01) until ticks == 10
print "done"]] }
    assert.equal(0, child.code, child.stderr)
    assert.equal("done\n", child.stdout)
  end)

  it("takes 0.01 s or more", function()
    for _, value in ipairs { "0", "-1", "x", "1e99" } do
      local child = support.run_host { "--max-handler-time", value, "-e", "" }
      assert.equal(2, child.code)
      assert.matches("zlrun: --max-handler-time takes a number of seconds, 0.01 or more", child.stderr, 1, true)
    end
  end)
end)

describe("the drain deadline", function()
  local drain = 0.5

  -- Starts the script, which says "busy", ends it by SIGTERM, and checks exit code and time.
  local function stops(code, options, text)
    local command = { "--drain-timeout", drain }
    for _, option in ipairs(options) do command[#command + 1] = option end
    command[#command + 1] = support.file('local zeroless = require "zeroless"\n' .. text)
    local child = support.start_host(command)
    child:expect "busy"
    local before = require "zeroless".now()
    child:kill "sigterm"
    child:wait()
    local took = require "zeroless".now() - before
    assert.equal(code, child.code, child.stderr)
    -- Half a second is promised; a busy machine may add to it.
    assert.is_true(took > drain - 0.1 and took < drain + 5, took)
    return child.stderr, child.stdout
  end

  local endless = 'zeroless.spawn(function() io.stderr:write "busy\\n"; while true do end end)\nzeroless.sleep(1000)'

  it("ends a process whose compiled code does not come back: exit code 75, and the task is named", function()
    local said = stops(75, { "-jon" }, endless)
    assert.matches("level=error source=[^ ]*script.lua:2 msg=\"the drain deadline has passed while the task", said)
  end)

  it("is an error at the line of code that is not compiled", function()
    local said = stops(75, { "-joff" }, endless)
    assert.matches("script.lua:2: stopped: the drain deadline has passed", said, 1, true)
  end)

  it("is an error at the line with --max-handler-time, compiled or not", function()
    local said = stops(75, { "--max-handler-time", "1000" }, endless)
    assert.matches("script.lua:2: stopped: the drain deadline has passed", said, 1, true)
  end)

  it("ends a callback of luv's", function()
    stops(75, {}, [[
require "luv".new_timer():start(1, 0, function() io.stderr:write "busy\n"; while true do end end)
zeroless.sleep(1000)]])
  end)

  it("ends a function of on_stop", function()
    stops(75, {}, [[
zeroless.on_stop(function() while true do end end)
io.stderr:write "busy\n"
zeroless.sleep(1000)]])
  end)

  it("ends a program that keeps the thread", function()
    stops(75, {}, [[
zeroless.spawn(function() io.stderr:write "busy\n"; os.execute "exec sleep 10 >/dev/null 2>&1" end)
zeroless.sleep(1000)]])
  end)

  it("ends a finalizer that never ends; all was done and printed, so the exit code is 0", function()
    local said, printed = stops(0, {}, [[
zeroless.on_stop(function() print "printed" end)
local proxy = newproxy(true)
getmetatable(proxy).__gc = function() while true do end end
io.stderr:write "busy\n"
zeroless.sleep(1000)]])
    assert.matches("a finalizer or a library has not returned", said, 1, true)
    assert.equal("printed\n", printed)
  end)
end)
