-- SPDX-License-Identifier: MIT
-- How a process stops: by SIGINT, SIGTERM or zeroless.stop. Each case runs a script of its own and
-- waits for what it prints.

local support = require "spec.support"
local script = require "spec.process.script"
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client
local start, start_worker = script.start, script.start_worker

for _, signal in ipairs { "sigint", "sigterm" } do
  describe("after " .. signal:upper(), function()
    it("for loops fall through, and the code after them runs", function()
      local child = start_worker [[
local task = zeroless.spawn(function()
  for _ in pull do end
  print "task"
  return "joined"
end)
print "ready"
for _ in pull do end
print(task:join())
print(pull)]]
      child:expect "ready"
      child:kill(signal)
      child:wait()
      assert.equal(0, child.code, child.stderr)
      assert.matches("ready\ntask\njoined\n", child.stdout)
    end)

    it('a receiver says nil and "stopping"', function()
      local child = start_worker [[
print "ready"
print(pull())]]
      child:expect "ready"
      child:kill(signal)
      child:wait()
      assert.equal(0, child.code)
      assert.equal("ready\nnil\tstopping\n", child.stdout)
    end)

    it("a receiver with a timeout says it, too", function()
      local child = start_worker [[
print "ready"
print(pull:recv(1000))]]
      child:expect "ready"
      child:kill(signal)
      child:wait()
      assert.equal(0, child.code)
      assert.equal("ready\nnil\tstopping\n", child.stdout)
    end)
  end)
end

describe("a message in hand when the process stops", function()
  it("is handled to its end, sleeps included, and so is what was received after it", function()
    local child, push, client = start_worker [[
for message in pull do
  print("got " .. message)
  for _ = 1, 5 do zeroless.sleep(0.02) end
  print("done " .. message)
end
print "after"]]
    push "one"
    child:expect "got one"
    push "two"
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(0, child.code, child.stderr)
    assert.equal("got one\ndone one\ngot two\ndone two\nafter\n", child.stdout)
  end)

  it("is handled to its end when that takes a reply from elsewhere", function()
    local server = Server { host = "127.0.0.1" }
    local answer, requests = server:reply()
    local child, push, client = start_worker(([[
local ask, replies = Client():connect_local(%d):request()
zeroless.spawn(function()
  for _ in pull do end
  print "stopping"
end)
for message in pull do
  ask(message)
  print("reply " .. replies())
end
print "after"]]):format(server.port))
    push "question"
    assert.equal("question", requests())
    push "question"
    child:kill "sigterm"
    child:expect "stopping"
    answer "answer"
    child:wait()
    server:close()
    client:close()
    assert.equal(0, child.code, child.stderr)
    assert.matches("reply answer\n", child.stdout)
    assert.matches("after\n", child.stdout)
  end)

  it("can be a request, whose reply still leaves", function()
    local endpoint = "ipc://" .. support.folder() .. "/reply.sock"
    local client = Client():connect(endpoint)
    local ask, replies = client:request()
    local child = start(([[
local answer, requests = Server { endpoint = %q }:reply()
for request in requests do
  print "got"
  zeroless.sleep(0.05)
  answer(request .. "!")
end]]):format(endpoint))
    ask "question"
    child:expect "got"
    child:kill "sigint"
    assert.equal("question!", replies())
    child:wait()
    client:close()
    assert.equal(0, child.code, child.stderr)
  end)

  it("is handled to its end by the tasks that its task has spawned", function()
    local child, push, client = start_worker [[
for message in pull do
  zeroless.spawn(function()
    zeroless.sleep(0.001)
    print("got " .. message)
    zeroless.sleep(0.05)
    print("done " .. message)
  end)
end
print "after"]]
    push "one"
    child:expect "got one"
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(0, child.code, child.stderr)
    assert.matches("after\n", child.stdout)
    assert.matches("done one\n", child.stdout)
  end)

  it("is handled to its end in a nested coroutine", function()
    local child, push, client = start_worker [[
local messages = coroutine.wrap(function()
  for message in pull do coroutine.yield(message) end
end)
for message in messages do
  print("got " .. message)
  zeroless.sleep(0.05)
  print("done " .. message)
end
print "after"]]
    push "one"
    child:expect "got one"
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(0, child.code, child.stderr)
    assert.equal("got one\ndone one\nafter\n", child.stdout)
  end)

  it("may be handled by waiting for a task or for room in a queue", function()
    local server = Server { host = "127.0.0.1", hwm = 1 }
    local results = server:pull()
    local child, push, client = start_worker(([[
local forward = Client { hwm = 1 }:connect_local(%d):push()
for message in pull do
  print "got"
  zeroless.spawn(function() zeroless.sleep(0.05) end):join()
  for i = 1, 5000 do forward(message:rep(1000)) end
end]]):format(server.port))
    push "x"
    child:expect "got"
    child:kill "sigterm"
    for _ = 1, 5000 do assert.equal(1000, #results()) end
    child:wait()
    server:close()
    client:close()
    assert.equal(0, child.code, child.stderr)
  end)
end)

describe("at rest when the process stops:", function()
  it("sleepers are not woken again", function()
    local child = start [[
zeroless.spawn(function()
  while true do
    io.write "tick "
    zeroless.sleep(0.001)
  end
end)
zeroless.every(0.001, function() io.write "every " end)
zeroless.on_stop(function()
  io.write "stopped "
  zeroless.sleep(0.05)
end)
print "ready"
zeroless.sleep(1000)
io.write "unreachable"]]
    child:expect "ready"
    child:expect "tick"
    child:expect "every"
    child:kill "sigint"
    child:wait()
    assert.equal(0, child.code, child.stderr)
    assert.matches("stopped $", child.stdout)
    assert.not_matches("unreachable", child.stdout)
  end)

  it("those who wait to send or to join are not, either, but a sender without a peer is named", function()
    local child = start [[
local push = Server { host = "127.0.0.1" }:push()
zeroless.spawn(function() push "to nobody" print "sent" end)
local sleeper = zeroless.spawn(function() zeroless.sleep(1000) end)
zeroless.spawn(function() sleeper:join() print "joined" end)
print "ready"
sleeper:join()
print "joined"]]
    child:expect "ready"
    child:kill "sigint"
    child:wait()
    assert.equal(75, child.code, child.stderr)
    assert.equal("ready\n", child.stdout)
    assert.matches("script.lua:2 msg=\"stopped while this push waited for a peer", child.stderr, 1, true)
  end)
end)

describe("a loop that asks a stopped receiver again and again", function()
  local loops = {
    ["by a call"] = "while true do count() pull() end",
    ["by recv with a timeout"] = "while true do count() pull:recv(0.001) end",
    ["by try"] = "while true do count() if not pull:try() then zeroless.sleep(0) end end",
    ["by for"] = "while true do count() for _ in pull do end end",
    ["in pcall"] = "while true do count() pcall(pull) end",
    ["in a coroutine"] = "coroutine.wrap(function() while true do count() pull() end end)()",
    ["two of them in turn"] = "while true do count() pull() other() end",
    ["before a nap"] = "while true do count() pull() zeroless.sleep(0.0001) end",
  }
  for name, loop in pairs(loops) do
    it(name .. " ends without spinning", function()
      local child = start_worker([[
local other = Server { host = "127.0.0.1" }:pull()
local counted, stopping = 0, false
local function count() if stopping then counted = counted + 1 end end
zeroless.spawn(function()
  for _ in pull do end
  stopping = true
end)
zeroless.on_stop(function() print("counted", counted) end)
zeroless.spawn(function() zeroless.sleep(0.01) print "ready" end)
]] .. loop, "--drain-timeout", 600)
      child:expect "ready"
      child:kill "sigterm"
      child:wait()
      assert.equal(0, child.code, child.stderr)
      assert.is_true(tonumber(child.stdout:match "counted\t(%d+)") < 10, child.stdout)
    end)
  end
end)

describe("zeroless.stop", function()
  it("stops as SIGTERM does, with exit code 0", function()
    local child = start [[
local pull = Server { host = "127.0.0.1" }:pull()
zeroless.on_stop(function() print "on_stop" end)
zeroless.spawn(function()
  zeroless.sleep(0.001)
  zeroless.stop()
  print "the caller runs on"
end)
for _ in pull do end
print "fell through"]]
    child:wait()
    assert.equal(0, child.code, child.stderr)
    assert.equal("the caller runs on\nfell through\non_stop\n", child.stdout)
  end)

  it("gives the exit code, and the first one stays", function()
    local child = start "zeroless.stop(7) zeroless.stop(8)"
    assert.equal(7, child:wait().code)
    child = start "zeroless.on_stop(function() zeroless.stop(8) end) zeroless.stop(255)"
    assert.equal(255, child:wait().code)
  end)

  it("leaves the caller alone when it waits and has nothing in hand", function()
    local child = start "zeroless.stop(3) print 'here' zeroless.sleep(0) print 'unreachable'"
    child:wait()
    assert.equal(3, child.code)
    assert.equal("here\n", child.stdout)
  end)

  it("raises for what is no exit code", function()
    for _, code in ipairs { -1, 256, 1.5, "1", {}, 0 / 0, true } do
      local ok, err = pcall(function() zeroless.stop(code) end)
      assert.is_false(ok)
      assert.matches("stop_spec.lua:%d+: an exit code is a whole number between 0 and 255", err)
    end
  end)

  it("before the first wait: receivers say so at once", function()
    local child = start [[
local pull = Server { host = "127.0.0.1" }:pull()
zeroless.stop()
print(pull())
for _ in Server { host = "127.0.0.1" }:pull() do print "a message" end
print "after"]]
    child:wait()
    assert.equal(0, child.code, child.stderr)
    assert.equal("nil\tstopping\nafter\n", child.stdout)
  end)
end)
