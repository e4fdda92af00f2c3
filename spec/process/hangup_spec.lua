-- SPDX-License-Identifier: MIT
-- SIGHUP before a script has said whether it uses zeroless, SIGPIPE and SIGXFSZ.

local support = require "spec.support"
local workers = require "spec.workers"

-- Says "begun", then goes on when the file `flag` is there.
local function start(text)
  local flag = support.folder() .. "/flag"
  local child = support.start_host { support.file(([[
io.stderr:write "begun\n"
repeat local flag = io.open(%q) until flag
]]):format(flag) .. text) }
  child:expect "begun"
  return child, function() assert(io.open(flag, "w")):close() end
end

describe("SIGHUP before require \"zeroless\"", function()
  it("is a reload once the script uses zeroless", function()
    local child, go_on = start [[
local zeroless = require "zeroless"
local pull = zeroless.Server { host = "127.0.0.1" }:pull()
for _ in pull do end]]
    child:kill "sighup"
    go_on()
    child:expect "msg=reloaded"
    workers.stop(child)
  end)

  it("ends a script that does not use it within a second, as under luajit", function()
    local child, go_on = start ""
    child:kill "sighup"
    support.eventually(function() return child.code end, "the end")
    go_on()
    child:wait()
    assert.equal(1, child.signal)
  end)

  it("stays ignored under nohup", function()
    local flag = support.folder() .. "/flag"
    local child = support.start { "/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh", support.host, "-e", ([[
io.stderr:write "begun\n"
repeat local flag = io.open(%q) until flag
print "survived"]]):format(flag) }
    child:expect "begun"
    child:kill "sighup"
    assert(io.open(flag, "w")):close()
    assert.equal("survived\n", child:wait().stdout)
  end)

  it("is a reload under --watch and --restart, whatever the script does", function()
    for _, option in ipairs { "--watch", "--restart" } do
      local flag = support.folder() .. "/flag"
      local child = support.start_host { option, "-e", ([[
io.stderr:write "begun\n"
repeat local flag = io.open(%q) until flag
require "zeroless".sleep(1000)]]):format(flag) }
      child:expect "begun"
      child:kill "sighup"
      assert(io.open(flag, "w")):close()
      child:expect "msg=reloaded"
      workers.stop(child)
    end
  end)
end)

describe("a signal that a script has handled with luv", function()
  local handle = [[
local zeroless = require "zeroless"
local uv = require "luv"
local signals = {}
for i, name in ipairs { "sighup", "sigterm", "sigint" } do
  signals[i] = uv.new_signal()
  signals[i]:start(name, function() io.stderr:write("got ", name, "\n") end)
end
]]

  it("is the host's again once the handle is closed", function()
    local child = support.start_host { support.file(handle .. [[
for _, signal in ipairs(signals) do signal:close() end
zeroless.after(0.01, function() io.stderr:write "closed\n" end)
zeroless.sleep(1000)]]) }
    child:expect "closed"
    child:kill "sighup"
    child:expect "msg=reloaded"
    workers.stop(child)
  end)

  it("is the host's again once the generation has failed", function()
    local child = support.start_host { "--watch", support.file(handle .. [[
zeroless.sleep(0.01)
if zeroless.generation == 1 then error "boom" end
zeroless.sleep(1000)]]) }
    child:expect "its sockets stay open"
    child:kill "sighup"
    child:expect "msg=reloaded"
    child:kill "sighup"
    child:expect "got sighup"
    child:kill "sigkill"
    child:wait()
  end)
end)

describe("a broken pipe", function()
  it("does not end a worker: what it prints is lost, and said to be", function()
    local child = support.start { "/bin/sh", "-c", '("$0" -e "$1"; echo "code $?" >&2) | true', support.host, [[
local zeroless = require "zeroless"
for i = 1, 1e5 do print(i) end
zeroless.sleep(0.01)
io.stderr:write "serves on\n"]] }
    child:wait()
    assert.matches("standard output: Broken pipe; what was printed is lost", child.stderr, 1, true)
    assert.matches("serves on\ncode 74\n", child.stderr, 1, true)
  end)

  it("ends a script without zeroless, as under luajit", function()
    local child = support.start { "/bin/sh", "-c", '("$0" -e "$1"; echo "code $?" >&2) | true', support.host,
      "for i = 1, 1e7 do print(i) end" }
    assert.matches("code 141\n", child:wait().stderr, 1, true)
  end)

  it("does not end a worker that writes to a dead child, and the child has the signal as usual", function()
    local child = support.run_script [[
local zeroless, uv = require "zeroless", require "luv"
local file = io.popen "cat /proc/self/status"
local ignored = file:read "*a":match "SigIgn:%s*(%x+)"
print(bit.band(tonumber(ignored:sub(-4), 16), 0x1000))
file:close()
local input, exited = uv.new_pipe(false)
uv.spawn("/bin/true", { stdio = { input } }, function() exited = true end)
repeat zeroless.sleep(0.005) until exited
local failed
input:write("to nobody", function(err) failed = err or "written" end)
repeat zeroless.sleep(0.005) until failed
print(failed)
zeroless.stop()]]
    assert.equal(0, child.code, child.stderr)
    assert.matches("^0\nEPIPE", child.stdout)
  end)
end)

describe("the limit of a file's size", function()
  it("does not end a worker: what it prints is lost, and said to be", function()
    local output = support.folder() .. "/output"
    local shell = 'ulimit -f 8; "$0" -e "$1" >"$2"; echo "code $?" >&2'
    local child = support.start { "/bin/bash", "-c", shell, support.host, [[
local zeroless = require "zeroless"
for i = 1, 1e4 do print(i) end
zeroless.sleep(0.01)
io.stderr:write "serves on\n"]], output }
    child:wait()
    assert.matches("standard output: File too large; what was printed is lost", child.stderr, 1, true)
    assert.matches("serves on\n", child.stderr, 1, true)
    assert.matches("code 74\n", child.stderr, 1, true)
  end)

  it("does not end a worker whose log reaches it, and a child has the signal as usual", function()
    local log = support.folder() .. "/log"
    local child = support.start { "/bin/bash", "-c", 'ulimit -f 8; exec "$0" -e "$1" 2>"$2"', support.host, [[
local zeroless = require "zeroless"
for i = 1, 100 do zeroless.log.warn(("z"):rep(500)) end
zeroless.sleep(0.01)
print "serves on"
local file = io.popen "cat /proc/self/status"
print(bit.band(tonumber(file:read "*a":match "SigIgn:%s*(%x+)":sub(-8), 16), 0x1000000))]], log }
    child:wait()
    assert.equal(0, child.code, child.signal)
    assert.equal("serves on\n0\n", child.stdout)
  end)
end)
