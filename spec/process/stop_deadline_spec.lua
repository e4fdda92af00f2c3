-- SPDX-License-Identifier: MIT
-- How a stop is cut short: by a second signal, and by the drain deadline.

local script = require "spec.process.script"
local start, start_worker = script.start, script.start_worker

describe("a second signal", function()
  for _, loop in ipairs { "while true do end", "local n = 0 while true do n = n + 1 end" } do
    it("SIGINT leaves at once with 130, in '" .. loop .. "'", function()
      local child = start("print 'ready' " .. loop)
      child:expect "ready"
      child:kill "sigint"
      child:expect "stop requested"
      child:kill_again "sigint"
      child:wait()
      assert.equal(130, child.code)
    end)
  end

  it("leaves in a wait of a message in hand", function()
    local child, push, client = start_worker([[
for _ in pull do
  zeroless.spawn(function() for _ in pull do end print "stopping" end)
  print "got"
  zeroless.sleep(1000)
end]], "--drain-timeout", 1000)
    push "x"
    child:expect "got"
    child:kill "sigterm"
    child:expect "stopping"
    child:kill_again "sigint"
    child:wait()
    client:close()
    assert.equal(130, child.code)
  end)

  it("leaves in an on_stop", function()
    local child = start([[
zeroless.on_stop(function() print "stopping" zeroless.sleep(1000) end)
print "ready"
zeroless.sleep(1000)]], "--drain-timeout", 1000)
    child:expect "ready"
    child:kill "sigint"
    child:expect "stopping"
    child:kill_again "sigint"
    child:wait()
    assert.equal(130, child.code)
  end)
end)

describe("the drain deadline", function()
  it("ends a task that does not finish, with exit code 75 and its line", function()
    local child, push, client = start_worker([[
zeroless.spawn(function()
  for _ in pull do
    print "got"
    zeroless.sleep(1000)
  end
end)]], "--drain-timeout", 0.2)
    push "x"
    child:expect "got"
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(75, child.code)
    assert.matches('script.lua:4 msg="the drain deadline has passed; the task waiting here', child.stderr, 1, true)
    assert.matches("script.lua:1) did not finish, and its message is lost", child.stderr, 1, true)
  end)

  it("ends an on_stop that does not finish", function()
    local child = start("zeroless.on_stop(function() zeroless.sleep(1000) end) zeroless.stop()",
      "--drain-timeout", 0.2)
    child:wait()
    assert.equal(75, child.code)
  end)

  it("ends a busy worker that always has something more to do", function()
    local child, push, client = start_worker([[
for _ in pull do
  print "got"
  while true do zeroless.sleep(0) end
end]], "--drain-timeout", 0.2)
    push "x"
    child:expect "got"
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(75, child.code)
  end)

  it("of 0 leaves what is unfinished at once", function()
    local child, push, client = start_worker([[
for _ in pull do
  print "got"
  zeroless.sleep(1000)
end]], "--drain-timeout", 0)
    push "x"
    child:expect "got"
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(75, child.code)
  end)
end)
