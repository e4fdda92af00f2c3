-- SPDX-License-Identifier: MIT
-- What a process that is asked to stop makes of the messages that it has received, and of those on
-- their way to it. Each case stops a worker of its own.

local dead_letters = require "spec.dead_letters"
local script = require "spec.process.script"
local support = require "spec.support"
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client

local start, start_server = script.start, script.start_server

local function tcp()
  return "tcp://127.0.0.1:" .. support.free_port()
end

local function ipc()
  return "ipc://" .. support.folder() .. "/worker.sock"
end

-- The numbers that a worker has printed, one a line.
local function numbers(child)
  local list = {}
  for number in child.stdout:gmatch "got (%d+)\n" do list[#list + 1] = tonumber(number) end
  return list
end

local function assert_row(list, from, to)
  assert.equal(to - from + 1, #list)
  for i, number in ipairs(list) do assert.equal(from + i - 1, number) end
end

local print_each = [[
for message in server:pull() do
  print("got " .. message)
  zeroless.sleep(0.001)
end
print "after"]]

describe("what a worker has received when SIGTERM comes", function()
  for name, endpoint in pairs { tcp = tcp, ipc = ipc } do
    it("is handled, over " .. name, function()
      local at = endpoint()
      local child = start_server(at, print_each, "--drain-timeout", support.patience)
      local client = Client():connect(at)
      local push = client:push()
      for i = 1, 500 do push(tostring(i)) end
      child:expect "got 1\n"
      child:kill "sigterm"
      child:wait()
      client:close()
      assert.equal(0, child.code, child.stderr)
      local list = numbers(child)
      -- What the sender had not written by then is still with it.
      assert.is_true(#list > 100, #list)
      assert_row(list, 1, #list)
      assert.matches("after\n$", child.stdout)
    end)
  end

  it("is handled by a worker that is connected to its sender", function()
    local server = Server { host = "127.0.0.1" }
    local push = server:push()
    local child = start(([[
for message in Client():connect_local(%d):pull() do
  print("got " .. message)
  zeroless.sleep(0.001)
end]]):format(server.port), "--drain-timeout", support.patience)
    for i = 1, 500 do push(tostring(i)) end
    child:expect "got 1\n"
    child:kill "sigterm"
    child:wait()
    server:close()
    assert.equal(0, child.code, child.stderr)
    local list = numbers(child)
    assert.is_true(#list > 100, #list)
    assert_row(list, 1, #list)
  end)

  it("is handled by a subscriber", function()
    local server = Server { host = "127.0.0.1", hwm = 0 }
    local pub = server:pub()
    local child = start(([[
for message in Client { hwm = 0 }:connect_local(%d):sub() do
  print("got " .. message)
  zeroless.sleep(message == "0" and 0.5 or 0.001)
end]]):format(server.port), "--drain-timeout", support.patience)
    pub:wait_subscribers(1)
    for i = 0, 300 do pub(tostring(i)) end
    child:expect "got 0\n"
    zeroless.sleep(0.1)
    child:kill "sigterm"
    child:wait()
    server:close()
    assert.equal(0, child.code, child.stderr)
    assert_row(numbers(child), 0, 300)
  end)

  it("is handled by a pair, whose answers still leave", function()
    local at = tcp()
    local child = start_server(at, [[
local send, receive = server:pair()
for message in receive do
  zeroless.sleep(0.001)
  send(message)
end]], "--drain-timeout", support.patience)
    local client = Client():connect(at)
    local send, receive = client:pair()
    for i = 1, 200 do send(tostring(i)) end
    assert.equal("1", receive())
    child:kill "sigterm"
    for i = 2, 200 do assert.equal(tostring(i), receive:recv(support.patience)) end
    child:wait()
    client:close()
    assert.equal(0, child.code, child.stderr)
  end)

  it("is answered: every asker gets its reply", function()
    local at = tcp()
    local child = start_server(at, [[
local answer, requests = server:reply()
for request in requests do
  zeroless.sleep(0.002)
  print("got " .. request)
  answer(request)
end]], "--drain-timeout", support.patience)
    local clients, replies = {}, {}
    for i = 1, 50 do
      clients[i] = Client():connect(at)
      local ask
      ask, replies[i] = clients[i]:request()
      ask(tostring(i))
    end
    child:expect "got 10\n"
    zeroless.sleep(0.1)
    child:kill "sigterm"
    for i = 1, 50 do
      assert.equal(tostring(i), replies[i]:recv(support.patience))
      clients[i]:close()
    end
    child:wait()
    assert.equal(0, child.code, child.stderr)
  end)

  it("is handled by a task that tries and sleeps", function()
    local at = tcp()
    local child = start_server(at, [[
local pull = server:pull()
while true do
  local message = pull:try()
  if message then print("got " .. message) end
  zeroless.sleep(0.001)
end]], "--drain-timeout", support.patience)
    local client = Client():connect(at)
    local push = client:push()
    for i = 1, 200 do push(tostring(i)) end
    child:expect "got 1\n"
    zeroless.sleep(0.1)
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(0, child.code, child.stderr)
    assert_row(numbers(child), 1, 200)
  end)

  it("is tried for by one that runs long: the end of its share of time does not come again and again", function()
    local child = start([[
local pull = Server { endpoint = "inproc://x" }:pull()
zeroless.spawn(function()
  for _ = 1, 3 do
    local until_ = zeroless.now() + 0.05
    while zeroless.now() < until_ do end
    for _ = 1, 20 do pull:try() end
  end
  print "got 1"
  zeroless.stop()
end)]], "--drain-timeout", support.patience):wait()
    assert.equal(0, child.code, child.stderr)
    assert_row(numbers(child), 1, 1)
  end)

  it("is handled with all that its handling sends on, by inproc and tcp, within the process", function()
    local at = tcp()
    local child = start_server(at, [[
local pull = server:pull()
local second = Server { endpoint = "inproc://second" }:pull()
local third = Server { host = "127.0.0.1" }
local answer, requests = third:reply()
local push = Client():connect "inproc://second":push()
local ask, replies = Client():connect(third.endpoint):request()
zeroless.spawn(function() for request in requests do answer(request) end end)
zeroless.spawn(function()
  for message in second do
    zeroless.sleep(0.001)
    print("got " .. message)
  end
end)
for message in pull do
  ask(message)
  push(replies())
end]], "--drain-timeout", support.patience)
    local client = Client():connect(at)
    local push = client:push()
    for i = 1, 200 do push(tostring(i)) end
    child:expect "got 1\n"
    zeroless.sleep(0.1)
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(0, child.code, child.stderr)
    assert_row(numbers(child), 1, 200)
  end)
end)

describe("what the drain deadline leaves", function()
  it("is counted in the log, and the exit code is 75", function()
    local at = tcp()
    local child = start_server(at, [[
for message in server:pull() do
  print("got " .. message)
  zeroless.sleep(0.1)
end
print "after"]], "--drain-timeout", 2)
    local client = Client():connect(at)
    local push = client:push()
    for i = 1, 100 do push(tostring(i)) end
    child:expect "got 1\n"
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(75, child.code, child.stderr)
    assert.matches("level=error [^\n]*pull tcp://127.0.0.1:%d+ has received", child.stderr)
    local left = tonumber(child.stderr:match "nobody has handled: (%d+), and are lost")
    assert.equal(100, #numbers(child) + left)
    assert.matches("after\n$", child.stdout)
  end)

  it("goes to the dead letters where there are any", function()
    local at = tcp()
    local letters = support.folder() .. "/letters"
    local child = start_server(at, [[
for message in server:pull() do
  print("got " .. message)
  zeroless.sleep(0.1)
end]], "--drain-timeout", 1, "--restart", "--dead-letter", letters)
    local client = Client():connect(at)
    local push = client:push()
    for i = 1, 30 do push(tostring(i)) end
    child:expect "got 1\n"
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(75, child.code, child.stderr)
    local left = tonumber(child.stderr:match "nobody has handled: (%d+), kept as dead letters")
    assert.equal(30, #numbers(child) + left)
    assert.equal(left, #dead_letters.read(letters))
  end)

  it("is said of a script that ends by itself, too", function()
    local at = tcp()
    local child = start_server(at, [[
local pull = server:pull()
print("got " .. pull())
zeroless.sleep(0.1)]])
    local client = Client():connect(at)
    local push = client:push()
    for i = 1, 3 do push(tostring(i)) end
    child:wait()
    client:close()
    assert.equal(0, child.code, child.stderr)
    assert.matches("level=warn [^\n]*nobody has handled: 2, and are lost", child.stderr)
  end)
end)

describe("a successor on the same address", function()
  -- Each round a worker is stopped in the middle of a stream and the next one takes its place.
  it("gets, in order and once, what its predecessor has not received", function()
    local rounds, at, sent, stop = 4, tcp(), 0, false
    local client = Client():connect(at)
    local push = client:push()
    local sender = zeroless.spawn(function()
      while not stop do
        push(tostring(sent + 1))
        sent = sent + 1
        if sent % 100 == 0 then zeroless.sleep(0.001) end
      end
    end)
    local count = 0
    for round = 1, rounds do
      local child = start_server(at, "for message in server:pull() do print('got ' .. message) end",
        "--drain-timeout", support.patience)
      support.eventually(function() return #child.stdout > 50000 end, "messages")
      if round == rounds then
        stop = true
        sender:join()
        child:expect(("got %d\n"):format(sent))
      end
      child:kill "sigterm"
      child:wait()
      assert.equal(0, child.code, child.stderr)
      local list = numbers(child)
      -- One message may be lost with a connection: the one that its sender had written half of.
      assert.is_true(list[1] - count <= 2 and list[1] > count, list[1] .. " after " .. count)
      assert_row(list, list[1], list[#list])
      count = list[#list]
    end
    client:close()
    assert.equal(sent, count)
  end)

  it("can bind it while what was received is still being handled", function()
    local port = support.free_port()
    local child = start_server("tcp://127.0.0.1:" .. port, [[
for message in server:pull() do
  print("got " .. message)
  zeroless.sleep(message == "1" and 1000 or 0)
end]], "--drain-timeout", 1000)
    local client = Client():connect_local(port)
    local push = client:push()
    for i = 1, 100 do push(tostring(i)) end
    child:expect "got 1\n"
    zeroless.sleep(0.1)
    child:kill "sigterm"
    local successor, pull = support.bind_again { host = "127.0.0.1", port = port }
    assert.is_nil(child.code)
    push "next"
    assert.equal("next", pull:recv(support.patience))
    child:kill_again "sigterm"
    child:wait()
    client:close()
    successor:close()
  end)
end)
