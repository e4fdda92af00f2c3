-- SPDX-License-Identifier: MIT
-- No wake-up is lost (docs/hazards.md, row 12): a million random operations in both directions, over several
-- sockets at once, with several tasks waiting on each. A lost wake-up shows as a standstill. The seed
-- is told when it fails; ZLRUN_SPEC_SEED repeats a run, ZLRUN_SPEC_OPERATIONS sets how many.

local support = require "spec.support"
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client

local operations = tonumber(os.getenv "ZLRUN_SPEC_OPERATIONS") or 1000000
local seed = tonumber(os.getenv "ZLRUN_SPEC_SEED") or os.time()

-- A generator of its own for each task, so that the order of tasks does not change what they do.
local function random_from(start)
  local state = start % 2147483646 + 1
  return function(n)
    state = state * 16807 % 2147483647
    return state % n + 1
  end
end

-- The tasks of a case, how much they have done, and how much they may do.
local function new_run(budget)
  local run = { done = 0, tasks = {}, streams = {} }

  function run:start(f, ...)
    local random = random_from(seed + 7919 * #self.tasks)
    self.tasks[#self.tasks + 1] = zeroless.spawn(f, random, ...)
  end

  function run:left()
    return self.done < budget
  end

  -- What is counted on both ends.
  function run:stream()
    local stream = { run = self, sent = 0, received = 0 }
    self.streams[#self.streams + 1] = stream
    return stream
  end

  local function raise(text, ...)
    error(("seed %d: "):format(seed) .. text:format(...), 0)
  end

  -- Waits for all tasks as long as operations are still done.
  function run:finish()
    for i, task in ipairs(self.tasks) do
      local before
      repeat
        before = self.done
        local _, err = task:join(support.patience)
        if err and err ~= "timeout" then raise("%s", err) end
      until err ~= "timeout" or self.done == before
      if task.status ~= "done" then
        raise("a standstill after %d operations, in task %d of %d", self.done, i, #self.tasks)
      end
    end
    for i, stream in ipairs(self.streams) do
      if stream.sent ~= stream.received then
        raise("%d of %d messages came in stream %d", stream.received, stream.sent, i)
      end
    end
  end

  return run
end

local function count(stream, what)
  if what then stream[what] = stream[what] + 1 end
  stream.run.done = stream.run.done + 1
end

-- One of the ways to send, until the message is out.
local function send_somehow(stream, random, sender, message)
  local way = random(8)
  if way == 1 then
    while not sender:try(message) do
      count(stream)
      zeroless.sleep(random(2) == 1 and 0 or 0.0001)
    end
  else
    assert(sender(message))
  end
  count(stream, "sent")
  if way == 2 then zeroless.sleep(0) end
end

-- One of the ways to receive: a message, or nil when there was none for now.
local function receive_somehow(stream, random, receiver)
  local way = random(16)
  local message, why
  if way == 1 then
    message, why = receiver:try()
    if not message then zeroless.sleep(0) end
  elseif way <= 3 then
    message, why = receiver:recv(random(5) * 0.0001)
  elseif way == 4 then
    message, why = receiver:recv(0)
  else
    message, why = receiver()
  end
  assert(message or why == "empty" or why == "timeout", why)
  count(stream, message and message ~= "end" and "received" or nil)
  if way == 16 then zeroless.sleep(0) end
  return message
end

local function read_until_end(random, stream, receiver)
  while receive_somehow(stream, random, receiver) ~= "end" do end
end

local function write_while_left(random, stream, sender)
  while stream.run:left() do
    for _ = 1, random(4) do send_somehow(stream, random, sender, "message") end
  end
end

-- Several tasks read from the receiver, two write to each sender. When all has come, each reader gets
-- an end of its own.
local function run_stream(run, senders, receiver)
  local stream, readers, writers = run:stream(), 3, 2 * #senders
  for _ = 1, readers do run:start(read_until_end, stream, receiver) end
  for i = 1, writers do
    run:start(function(random)
      write_while_left(random, stream, senders[math.ceil(i / 2)])
      writers = writers - 1
      if writers > 0 then return end
      while stream.received < stream.sent do zeroless.sleep(0.001) end
      for _ = 1, readers do senders[1] "end" end
    end)
  end
end

local transports = {
  inproc = function() return { endpoint = support.inproc() } end,
  tcp = function() return { host = "127.0.0.1" } end,
  ipc = function() return { endpoint = "ipc://" .. support.folder() .. "/wakeup.sock" } end,
}

local function new_ends(transport, hwm)
  local where = transports[transport]()
  where.hwm = hwm
  local server = Server(where)
  return server, function()
    if where.endpoint then return Client { hwm = hwm }:connect(where.endpoint) end
    return Client { hwm = hwm }:connect_local(server.port)
  end
end

local cases = {}

cases["both ways through a pair"] = function(run, transport, random)
  local server, connect = new_ends(transport, random(16))
  local near_send, near_receive = server:pair()
  local client = connect()
  local far_send, far_receive = client:pair()
  run_stream(run, { near_send }, far_receive)
  run_stream(run, { far_send }, near_receive)
  return { server, client }
end

-- Tokens go round between two ends. On each, one task only reads the pair and another only writes to
-- it, so that a send can swallow the news that the reader waits for: its wake-up alone gets it going.
cases["tokens round a pair"] = function(run, transport, random)
  local server, connect = new_ends(transport, 0)
  local near_send, near_receive = server:pair()
  local client = connect()
  local far_send, far_receive = client:pair()
  local ends = { server, client }

  local function start_end(send, receive)
    local desk, clerk = new_ends("inproc", 0)
    clerk = clerk()
    local hand_over, tokens = desk:push(), clerk:pull()
    ends[#ends + 1], ends[#ends + 2] = desk, clerk
    run:start(function()
      for token in receive do
        hand_over(token)
        run.done = run.done + 1
        if token == "end" then return end
      end
    end)
    run:start(function(pick)
      for token in tokens do
        if pick(1000) == 1 then zeroless.sleep(0.001) end
        if not run:left() then token = "end" end
        send(token)
        run.done = run.done + 1
        if token == "end" then return end
      end
    end)
    return hand_over
  end

  local begin = start_end(near_send, near_receive)
  start_end(far_send, far_receive)
  for i = 1, random(4) do begin(tostring(i)) end
  return ends
end

cases["from three pushers to one pull, and back"] = function(run, transport, random)
  local down, connect_down = new_ends(transport, random(16))
  local up, connect_up = new_ends(transport, random(16))
  local pull, push = down:pull(), up:push()
  local collector = connect_up()
  local ends, pushers = { down, up, collector }, {}
  run_stream(run, { push }, collector:pull())
  for i = 1, 3 do
    local client = connect_down()
    ends[#ends + 1] = client
    pushers[i] = client:push()
  end
  run_stream(run, pushers, pull)
  return ends
end

-- Repliers take requests in several tasks of one socket; requesters ask in tasks of their own.
cases["requests and replies"] = function(run, transport)
  local stream = run:stream()
  local server, connect = new_ends(transport, 0)
  local answer, requests = server:reply()
  local clients, asking = { server }, 4
  for _ = 1, 3 do
    run:start(function(random)
      while true do
        local request = receive_somehow(stream, random, requests)
        if request == "end" then return answer "ended" end
        if request then
          if random(4) == 1 then zeroless.sleep(0) end
          send_somehow(stream, random, answer, request)
        end
      end
    end)
  end
  local function read_reply(random, replies, expected)
    local reply
    repeat reply = receive_somehow(stream, random, replies) until reply
    assert(reply == expected, reply)
  end
  for i = 1, 4 do
    local client = connect()
    clients[#clients + 1] = client
    local ask, replies = client:request()
    run:start(function(random)
      local number = 0
      while run:left() do
        number = number + 1
        local request = i .. "/" .. number
        send_somehow(stream, random, ask, request)
        read_reply(random, replies, request)
      end
      asking = asking - 1
      if asking > 0 then return end
      for _ = 1, 3 do
        ask "end"
        assert(replies() == "ended")
      end
    end)
  end
  return clients
end

describe("no wake-up is lost", function()
  local share = math.ceil(operations / 10)

  for name, build in pairs(cases) do
    for _, transport in ipairs { "inproc", "tcp" } do
      it(("%s over %s"):format(name, transport), function()
        local run = new_run(share)
        local ends = build(run, transport, random_from(seed))
        run:finish()
        for _, finished in ipairs(ends) do finished:close() end
        assert.is_true(run.done >= share)
      end)
    end
  end

  it("when all of it runs at once", function()
    local run, ends = new_run(2 * share), {}
    for _, build in pairs(cases) do
      for transport in pairs(transports) do
        ends[#ends + 1] = build(run, transport, random_from(seed))
      end
    end
    run:finish()
    for _, list in ipairs(ends) do
      for _, finished in ipairs(list) do finished:close() end
    end
    assert.is_true(run.done >= 2 * share)
  end)
end)
