-- SPDX-License-Identifier: MIT
-- Standard error that nobody reads: the worker serves on, ends in time, and says what was lost.

local support = require "spec.support"
local zeroless = require "zeroless"
local uv = require "luv"

-- Logs as many lines as a request says, each with its number.
local worker = [[
local zeroless = require "zeroless"
local reply, requests = zeroless.Server { host = "127.0.0.1", port = tonumber(arg[1]) }:reply()
local n = 0
for count in requests do
  for _ = 1, tonumber(count) do
    n = n + 1
    zeroless.log.info(("line %d %s"):format(n, ("x"):rep(100)))
  end
  reply(tostring(n))
end]]

local kinds = {}

-- A pipe of the system's, 64 KiB: the shell holds both ends open.
function kinds.pipe(command)
  local path = support.folder() .. "/stderr"
  local words = { "/bin/sh", "-c", 'mkfifo "$1"; exec 3<>"$1"; shift; exec "$@" 2>&3', "sh", path }
  for _, word in ipairs(command) do words[#words + 1] = word end
  local child = support.start(words)
  function child.read_error() -- from now on
    local fd = assert(uv.fs_open(path, "r", 0))
    local pipe = uv.new_pipe(false)
    assert(pipe:open(fd))
    pipe:read_start(function(_, data) child.stderr = child.stderr .. (data or "") end)
    child.reader = pipe
  end
  return child
end

-- A socket, as under a service manager.
function kinds.socket(command)
  local child = { stderr = "" }
  local input, args = uv.new_pipe(false), {}
  for i = 2, #command do args[i - 1] = tostring(command[i]) end
  child.reader = input
  local handle
  handle = assert(uv.spawn(command[1], { args = args, stdio = { nil, nil, input } }, function(code, signal)
    child.code, child.signal = code, signal
    handle:close()
  end))
  function child.kill(_, signal) handle:kill(signal) end
  function child.wait() support.eventually(function() return child.code end, "the end") end
  function child.read_error()
    input:read_start(function(_, data) child.stderr = child.stderr .. (data or "") end)
  end
  return child
end

local function start(kind, ...)
  local port = support.free_port()
  local command = { support.host }
  for _, option in ipairs { ... } do command[#command + 1] = option end
  command[#command + 1] = support.file(worker)
  command[#command + 1] = tostring(port)
  local child = kinds[kind](command)
  local ask, replies = zeroless.Client():connect_local(port):request()
  function child.log(count)
    ask(tostring(count))
    return tonumber((assert(replies:recv(support.patience))))
  end
  return child
end

for kind in pairs(kinds) do
  describe("a full standard error (" .. kind .. ")", function()
    it("does not keep a worker from serving, nor SIGTERM from ending it", function()
      local child = start(kind)
      assert.equal(100000, child.log(100000))
      assert.equal(100001, child.log(1))
      local before = zeroless.now()
      child:kill "sigterm"
      child:wait()
      assert.equal(0, child.code)
      assert.is_true(zeroless.now() - before < 8, zeroless.now() - before)
      child.reader = child.reader and child.reader:close()
    end)

    it("keeps the order, and counts the lines that were lost once it is read", function()
      local child = start(kind)
      child.log(20000)
      child.read_error()
      support.eventually(function() return child.stderr:find("log lines were lost", 1, true) end, "the count")
      child.log(1)
      support.eventually(function() return child.stderr:find("line 20001 ", 1, true) end, "the last line")
      child:kill "sigterm"
      child:wait()
      local last, seen = 0, 0
      for number in child.stderr:gmatch "msg=\"line (%d+) x*\"" do
        number = tonumber(number)
        assert.is_true(number > last)
        last, seen = number, seen + 1
      end
      local lost = tonumber(child.stderr:match "level=warn msg=\"(%d+) log lines were lost")
      -- A line of the host's own may be among the lost: that a task keeps the thread, on a busy machine.
      local others = seen + lost - 20001
      assert.is_true(others >= 0 and others <= 3, others)
      assert.is_true(lost > 0 and lost < 20000)
      child.reader:close()
    end)
  end)
end

describe("the lines of the log", function()
  for name, ending in pairs {
    ["a script that ends"] = "",
    ["os.exit"] = "os.exit(0)",
    ["zeroless.stop()"] = "zeroless.stop()",
  } do
    it("that are queued are written when " .. name .. " ends the process, behind a slow reader", function()
      local path = support.file([[
local zeroless = require "zeroless"
for i = 1, 2000 do zeroless.log.info(("line %d %s"):format(i, ("x"):rep(100))) end
]] .. ending)
      local child = support.start { "/bin/sh", "-c", '"$0" "$1" 2>&1 | (sleep 0.3; cat)', support.host, path }
      child:wait()
      local count = select(2, child.stdout:gsub("line %d+ x", ""))
      assert.equal(2000, count)
    end)
  end

  it("that are queued are written before an uncaught error's traceback", function()
    local path = support.file [[
local zeroless = require "zeroless"
for i = 1, 2000 do zeroless.log.info(("line %d %s"):format(i, ("x"):rep(100))) end
error "at last"]]
    local child = support.start { "/bin/sh", "-c", '"$0" "$1" 2>&1 | (sleep 0.3; cat)', support.host, path }
    child:wait()
    assert.matches('line 2000 x+"\nzlrun: [^\n]*at last\nstack traceback:\n', child.stdout)
  end)
end)
