-- SPDX-License-Identifier: MIT
-- zeroless.on_stop: what a script does last. Each case runs a script of its own and waits for what it prints.

local script = require "spec.process.script"
local zeroless = require "zeroless"
local Server = zeroless.Server
local start, start_worker = script.start, script.start_worker

describe("zeroless.on_stop", function()
  it("runs its functions in order when the tasks are at rest, then the process ends", function()
    local child, push, client = start_worker [[
zeroless.on_stop(function() print "first" end)
zeroless.on_stop(function() print "second" end)
for _ in pull do
  print "got"
  zeroless.sleep(0.05)
  print "done"
end]]
    push "x"
    child:expect "got"
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(0, child.code, child.stderr)
    assert.equal("got\ndone\nfirst\nsecond\n", child.stdout)
  end)

  it("lets them wait and send", function()
    local server = Server { host = "127.0.0.1" }
    local pull = server:pull()
    local child = start(([[
local push = Client():connect_local(%d):push()
zeroless.on_stop(function()
  zeroless.sleep(0.01)
  push "goodbye"
  zeroless.spawn(function() zeroless.sleep(0.01) push "from a task" end):join()
end)
print "ready"
zeroless.sleep(1000)]]):format(server.port))
    child:expect "ready"
    child:kill "sigint"
    assert.equal("goodbye", pull())
    assert.equal("from a task", pull())
    child:wait()
    server:close()
    assert.equal(0, child.code, child.stderr)
  end)

  it("lets them ask and await the reply", function()
    local server = Server { host = "127.0.0.1" }
    local answer, requests = server:reply()
    local child = start(([[
local ask, replies = Client():connect_local(%d):request()
zeroless.on_stop(function()
  ask "deregister"
  print(replies())
end)
print "ready"
zeroless.sleep(1000)]]):format(server.port))
    child:expect "ready"
    child:kill "sigint"
    assert.equal("deregister", requests())
    answer "done"
    child:wait()
    server:close()
    assert.equal(0, child.code, child.stderr)
    assert.equal("ready\ndone\n", child.stdout)
  end)

  it("runs them when the script simply ends, too", function()
    local child = start [[
zeroless.on_stop(function() zeroless.sleep(0.001) print "stopped" end)
print "end"]]
    child:wait()
    assert.equal(0, child.code, child.stderr)
    assert.equal("end\nstopped\n", child.stdout)
  end)

  it("does not run them after an error", function()
    local child = start([[zeroless.on_stop(function() print "stopped" end) error "boom"]]):wait()
    assert.equal(1, child.code)
    assert.equal("", child.stdout)
  end)

  it("an error in one of them ends the process with exit code 1 and its traceback", function()
    local child = start [[
zeroless.on_stop(function()
  error "on the way out"
end)
zeroless.stop()]]
    child:wait()
    assert.equal(1, child.code)
    assert.matches("script.lua:2: on the way out\nstack traceback", child.stderr)
  end)

  it("raises for what is no function", function()
    local ok, err = pcall(function() zeroless.on_stop "text" end)
    assert.is_false(ok)
    assert.matches("on_stop_spec.lua:%d+: zeroless.on_stop takes a function, not a string", err)
  end)
end)
