-- SPDX-License-Identifier: MIT
-- The report about a task that keeps the thread: its line, once, and only when others wait. The busy
-- loops look for a file, so that they run as long as the case needs, however busy the machine is.

local support = require "spec.support"

local report = "has run for a second without waiting"

-- Starts a script in which hog() keeps the thread until release() has been called here.
local function start(text)
  local flag = support.folder() .. "/flag"
  local child = support.start_host { support.file(([[local zeroless = require "zeroless" ]]
    .. [[local function hog() repeat local flag = io.open(%q) until flag end ]]):format(flag) .. text) }
  return child, function() assert(io.open(flag, "w")):close() end
end

describe("a task that keeps the thread", function()
  it("is reported with its line when another task waits", function()
    local child, release = start [[

zeroless.spawn(function() zeroless.sleep(0.001) end)
zeroless.spawn(function()
  hog()
end)]]
    local output = child:expect(report)
    release()
    child:wait()
    assert.equal(0, child.code, child.stderr)
    assert.matches("level=warn source=[^ ]*script.lua:3 msg=[^\n]*" .. report, output)
  end)

  it("is reported when a socket is open, whose messages wait", function()
    local child, release = start [[
local server = zeroless.Server { host = "127.0.0.1" }
local pull = server:pull()
hog()]]
    child:expect(report)
    release()
    assert.equal(0, child:wait().code)
  end)

  it("is reported when a timer of luv's is running", function()
    local child, release = start [[
require "luv".new_timer():start(1000000, 0, function() end)
zeroless.sleep(0)
hog()
zeroless.stop()]]
    child:expect(report)
    release()
    assert.equal(0, child:wait().code)
  end)

  it("is reported when it is compiled", function()
    local child = start [[
zeroless.spawn(function() end)
local n = 0
while true do n = n + 1 end]]
    child:expect(report)
    child:kill "sigkill"
    child:wait()
    assert.equal(9, child.signal)
  end)

  it("is reported once for each stretch", function()
    local child = start [[
local other = zeroless.spawn(function() zeroless.sleep(1000) end)
local function busy(seconds)
  local until_then = zeroless.now() + seconds
  while zeroless.now() < until_then do end
end
busy(4)
zeroless.sleep(0)
print(other.status)
zeroless.stop()]]
    child:wait()
    assert.equal(0, child.code, child.stderr)
    assert.equal(1, select(2, child.stderr:gsub(report, "")))
  end)
end)

describe("nothing is reported", function()
  local function assert_silent(text)
    local child = start([[
local function busy(seconds)
  local until_then = zeroless.now() + seconds
  while zeroless.now() < until_then do end
end
]] .. text)
    child:wait()
    assert.equal(0, child.code, child.stderr)
    assert.not_matches(report, child.stderr)
  end

  it("when nobody else waits", function()
    assert_silent "busy(2.5)"
  end)

  it("when the others have ended, and the sockets are closed", function()
    assert_silent [[
zeroless.spawn(function() end):join()
local server = zeroless.Server { host = "127.0.0.1" }
server:pull()
server:close()
local timer = require "luv".new_timer()
timer:start(1000, 0, function() end)
timer:close()
zeroless.sleep(0.001)
busy(2.5)]]
  end)

  it("about a task that lets others run now and then", function()
    assert_silent [[
zeroless.spawn(function() zeroless.sleep(0.5) end)
for _ = 1, 250 do
  busy(0.01)
  zeroless.sleep(0)
end]]
  end)
end)
