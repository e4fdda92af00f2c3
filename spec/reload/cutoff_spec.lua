-- SPDX-License-Identifier: MIT
-- A generation that fails or is replaced is cut off, whatever it left in luv: timers, requests in flight,
-- processes. Nothing waits for it (docs/hazards.md, row 33).

local support = require "spec.support"
local worker = require "spec.reload.worker"
local uv = require "luv"

local serve = [[
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  if message == "bad" .. zeroless.generation then error "boom" end
  print(zeroless.generation .. " " .. message)
end]]

-- What a script leaves behind; with a name for the case.
local remains = {
  ["a timer"] = [[local uv = require "luv"
uv.new_timer():start(1, 1, function() print "tick" end)
uv.new_timer():start(1e9, 0, function() print "tick" end)]],
  ["an open of a FIFO in flight"] = [[local uv = require "luv"
uv.fs_open("fifo", "r", 0, function() print "opened" end)]],
  ["work in luv's threads that never ends"] = [[local uv = require "luv"
uv.new_work(function() while true do require "luv".sleep(1) end end, function() print "worked" end):queue()]],
  ["a poller of files"] = [[local uv = require "luv"
uv.new_fs_poll():start("worker.lua", 1, function() print "polled" end)]],
  ["connections"] = [[local uv = require "luv"
local listener = uv.new_tcp()
listener:bind("127.0.0.1", 0)
listener:listen(8, function()
  local peer = uv.new_tcp()
  listener:accept(peer)
  peer:read_start(function() end)
end)
for _ = 1, 4 do
  local tcp = uv.new_tcp()
  tcp:connect("127.0.0.1", listener:getsockname().port, function() tcp:write(("x"):rep(1e6)) end)
end]],
}

local function start(text, ...)
  local given = { text, ... }
  local w = worker.new(given)
  assert(os.execute("mkfifo '" .. w.folder .. "/fifo'") == 0)
  w:run()
  return w
end

for name, text in pairs(remains) do
  describe("a generation with " .. name, function()
    it("that fails ends the process at once, with its code", function()
      start(text .. "\nzeroless.sleep(0.02) error 'boom'"):ends(1)
    end)

    it("ends with the process at SIGTERM, zeroless.stop and os.exit", function()
      local w = start(text .. "\nprint 'up'\n" .. serve)
      w:expect "up"
      w:ends(0, "sigterm")
      start(text .. "\nzeroless.sleep(0.01) zeroless.stop(3)"):ends(3)
      w = start(text .. "\nio.write 'written' zeroless.sleep(0.01) os.exit(4)")
      w:ends(4)
      assert.matches("written", w.child.stdout)
    end)

    it("that is replaced goes at the commit, and its callbacks with it", function()
      local w = start(text .. "\n" .. serve)
      w:told "Ready..."
      local push = w:client():push()
      push "a"
      w:expect "1 a"
      for i = 2, 5 do
        assert.equal("reloaded", w:reload((i < 5 and text or "") .. "\n" .. serve .. (" "):rep(i)).msg)
        push(tostring(i))
        w:expect(("%d %d\n"):format(i, i))
      end
      local printed = #w.child.stdout
      push "last"
      w:expect "5 last\n"
      assert.equal("5 last\n", w.child.stdout:sub(printed + 1))
      w:ends(0, "sigterm")
    end)

    it("that fails in its start does not delay the one before", function()
      local w = start(serve)
      w:told "Ready..."
      local push = w:client():push()
      assert.equal("worker.lua:20: at the start",
        w:reload(text .. ("\n"):rep(20 - select(2, text:gsub("\n", "")) - 1) .. "error 'at the start'").error)
      for i = 1, 100 do push(tostring(i)) end
      w:expect "1 100\n"
      assert.not_matches("tick", w.child.stdout)
    end)

    it("that fails under --restart and --watch is started again, and serves", function()
      local w = start(text .. "\n" .. serve, "--restart", "--watch", "--redeliver", "0")
      w:told "Ready..."
      local push = w:client():push()
      push "bad1"
      w:told "generation 1 has failed"
      for i = 1, 100 do push(tostring(i)) end
      w:expect "2 100\n"
      w:ends(0, "sigterm")
    end)

    it("on probation is taken back", function()
      local w = start(serve, "--probation", "1000")
      w:told "Ready..."
      local push = w:client():push()
      w:save(text .. "\n" .. serve)
      w:kill "sighup"
      w:told "serves on probation"
      push "bad2"
      w:told "reload failed; still serving generation 1"
      w:expect "1 bad2\n"
    end)
  end)
end

local function status(pid)
  local file = io.open(("/proc/%s/stat"):format(pid))
  local text = file and file:read "*a" -- nil when it is reaped just now
  if file then file:close() end
  return text and text:match "%) (%a)"
end

local function gone(pid)
  support.eventually(function() return status(pid) == nil end, "process " .. pid .. " reaped")
end

describe("processes that a generation has started", function()
  local spawn = [[
local uv = require "luv"
local function spawn(command, detached)
  local _, pid = assert(uv.spawn("/bin/sh", { args = { "-c", command }, detached = detached }, function() end))
  print("child " .. pid .. " of " .. zeroless.generation)
end
]]

  local function children(w)
    local list = {}
    for pid in w.child.stdout:gmatch "child (%d+)" do list[#list + 1] = pid end
    return list
  end

  it("are ended and reaped when it is replaced, the stubborn ones too", function()
    local text = spawn .. [[spawn "exec sleep 1000" spawn "trap '' TERM; while :; do sleep 0.05; done"
]] .. serve
    local w = worker.start { text }
    w:told "Ready..."
    for i = 2, 4 do w:reload(text .. (" "):rep(i)) end
    w:expect "of 4"
    local list = children(w)
    assert.equal(8, #list)
    for i = 1, 6 do gone(list[i]) end
    assert.is_truthy(status(list[7]))
    w:ends(0, "sigterm")
    for i = 7, 8 do gone(list[i]) end
  end)

  it("are ended when it fails, and with the process", function()
    for _, last in ipairs { "error 'boom'", "zeroless.stop(1)", "os.exit(1)" } do
      local w = worker.start { spawn .. "spawn 'exec sleep 1000' zeroless.sleep(0.05) " .. last }
      w:ends(1)
      for _, pid in ipairs(children(w)) do gone(pid) end
    end
  end)

  it("live on when they were detached, and leave no zombie", function()
    local w = worker.start { spawn .. "spawn('exec sleep 1000', true)\n" .. serve }
    w:told "Ready..."
    w:reload(serve)
    local pid = children(w)[1]
    support.eventually(function() return status(pid) == "S" end, "the detached process to sleep")
    uv.kill(tonumber(pid), "sigterm")
    gone(pid)
  end)
end)

describe("a callback of luv that fails inside uv.run()", function()
  it("ends the script there, although a timer would go on", function()
    local w = worker.start { [[
local uv = require "luv"
uv.new_timer():start(1, 1, function() error "in a callback" end)
pcall(uv.run)
print(pcall(zeroless.spawn, print))]] }
    w:ends(1)
    assert.matches("worker.lua:2: in a callback", w.child.stderr, 1, true)
    assert.matches("false\t.*call refused", w.child.stdout)
  end)
end)

describe("require 'luv' without descriptors", function()
  local ffi = [[
local ffi = require "ffi"
ffi.cdef "int dup(int); int close(int);"
local taken = {}
local function take(free)
  repeat taken[#taken + 1] = ffi.C.dup(1) until taken[#taken] < 0
  taken[#taken] = nil
  for _ = 1, free do ffi.C.close(table.remove(taken)) end
end
local function give() while taken[1] do ffi.C.close(table.remove(taken)) end end
]]

  it("raises, and works once there are some", function()
    for free = 0, 5 do
      local child = support.start { "/bin/sh", "-c", "ulimit -n 64; exec \"$0\" -e \"$1\"", support.host, ffi .. [[
take(]] .. free .. [[)
local ok, err = pcall(require, "luv")
give()
print(ok, (tostring(err):match "no file descriptors left"))
package.loaded.luv = nil
local uv = require "luv"
local timer = uv.new_timer()
timer:start(1, 0, function() print "tick" timer:close() end)]] }:wait()
      assert.equal("false\tno file descriptors left\ntick\n", child.stdout, child.stderr)
      assert.equal(0, child.code)
    end
  end)

  it("fails the reload of a worker, which serves on", function()
    local w = worker.start { serve }
    w:told "Ready..."
    local push = w:client():push()
    for free = 1, 3 do
      local attempt = w:reload(ffi .. "take(" .. free .. ") local ok, err = pcall(require, 'luv')"
        .. " give() error(err, 0)")
      assert.matches("no file descriptors left", attempt.error)
      push(tostring(free))
      w:expect("1 " .. free .. "\n")
    end
  end)
end)
