-- SPDX-License-Identifier: MIT
-- Peers that send without end what the script does not get: refused messages, stray replies, messages that
-- conflate skips. The other tasks, the timers and the stop have their turn, and the log stays short.

local support = require "spec.support"
local workers = require "spec.workers"
local zeroless = require "zeroless"

local flood = [=[
import sys, time, zmq
kind, how, endpoint = sys.argv[1:4]
frames = [b"x" * int(size) for size in sys.argv[4:]]
socket = zmq.Context().socket(getattr(zmq, kind))
socket.linger, socket.sndhwm = 0, 100000
getattr(socket, how)(endpoint)
if kind == "ROUTER":
    frames.insert(0, socket.recv_multipart()[0])
while True:
    try:
        for _ in range(50):
            socket.send_multipart(frames, zmq.NOBLOCK)
    except zmq.Again:
        time.sleep(0.0005)
]=]

local ticking = [[
local zeroless = require "zeroless"
zeroless.every(0.1, function() io.stdout:write "tick\n" io.stdout:flush() end)
local port = tonumber(arg[1])
local function bound() return zeroless.Server { host = "127.0.0.1", port = port } end
]]

-- Processes of a case are ended with it, whatever its outcome.
local function until_the_end(...)
  for _, process in ipairs { ... } do
    finally(function()
      if not process.code then process:kill "sigkill" end
      process:wait()
    end)
  end
  return ...
end

-- A worker with a clock that ticks, under a flood of messages of frames of these sizes.
local function start(text, kind, how, ...)
  local port = support.free_port()
  local worker = workers.start(ticking .. text, { "--drain-timeout", "20" }, port)
  local peer = support.start_python(flood, kind, how, "tcp://127.0.0.1:" .. port, ...)
  return until_the_end(worker, peer)
end

local function ticks(worker)
  return workers.count(worker.stdout, "tick")
end

local function expect_ticks(worker, more)
  local before = ticks(worker)
  support.eventually(function() return worker.code or ticks(worker) >= before + more end, "ticks under the flood")
  assert.is_nil(worker.code, worker.stderr)
end

local function stop(worker)
  worker:kill "sigterm"
  worker:wait()
  assert.equal(0, worker.code, worker.stderr:sub(-2000))
  assert.matches("stopping: SIGTERM", worker.stderr, 1, true)
end

-- The first refusal is logged, then about one line in a second, with a count of the others; all are counted.
local function expect_short_log(worker, first, more, began)
  local seconds = zeroless.now() - began
  assert.matches(first, worker.stderr, 1, true)
  assert.matches(more, worker.stderr)
  local lines = workers.count(worker.stderr, "\n")
  assert.is_true(lines <= 12 + seconds, ("%d lines in %.1f s"):format(lines, seconds))
end

local refusals = {
  { "frames above the max_message_size of a pull", "PUSH", "connect", { 100 },
    "local pull = bound():pull { max_message_size = 10 } for m in pull do end",
    "refused a message: its frame 1 has 100 bytes, above max_message_size (10)",
    "pull at tcp://127.0.0.1:%d+ refused %d+ more messages: a frame above max_message_size" },
  { "frames above the max_message_size of a sub", "PUB", "bind", { 100 },
    "local sub = zeroless.Client():connect_local(port):sub { max_message_size = 10 } for m in sub do end",
    "refused a message: its frame 1 has 100 bytes, above max_message_size (10)",
    "sub at tcp://127.0.0.1:%d+ refused %d+ more messages: a frame above max_message_size" },
  { "frames above the max_message_size of a reply", "DEALER", "connect", { 0, 100 },
    "local reply, requests = bound():reply { max_message_size = 10 } " ..
    "for m in requests do reply(m) end",
    "refused a message: its frame 3 has 100 bytes, above max_message_size (10)",
    "reply at tcp://127.0.0.1:%d+ refused %d+ more messages: a frame above max_message_size" },
  { "requests without an envelope", "DEALER", "connect", { 100 },
    "local reply, requests = bound():reply() for m in requests do reply(m) end",
    "refused a request without an envelope; its sender is no requester",
    "reply at tcp://127.0.0.1:%d+ refused %d+ more requests: no envelope" },
  { "messages of too many frames", "PUSH", "connect", (function()
      local sizes = {}
      for i = 1, 4100 do sizes[i] = 1 end
      return sizes
    end)(),
    "local pull = bound():pull() for m in pull do end",
    "refused a message of more than 4096 frames",
    "pull at tcp://127.0.0.1:%d+ refused %d+ more messages: more than 4096 frames" },
  { "messages that answer no request, while one is open", "ROUTER", "bind", { 4, 3 },
    "local request, replies = zeroless.Client():connect_local(port):request { timeout = 100 } request 'x' replies()",
    "dropped a message: it answers no request that is open; its sender is no reply, perhaps",
    "request at tcp://127.0.0.1:%d+ dropped %d+ more messages: no open request is answered" },
  { "messages that answer no request, while none is open", "ROUTER", "bind", { 0, 3 },
    "local request, replies = zeroless.Client():connect_local(port):request() request 'x' assert(replies()) " ..
    "zeroless.sleep(1000)",
    "dropped a message: it answers no request that is open; its sender is no reply, perhaps",
    "request at tcp://127.0.0.1:%d+ dropped %d+ more messages: no open request is answered" },
}

describe("a peer that sends without end", function()
  for _, case in ipairs(refusals) do
    local what, kind, how, sizes, text, first, more = unpack(case)
    it(what .. " starves nobody and does not fill the log", function()
      local began = zeroless.now()
      local worker = start(text, kind, how, unpack(sizes))
      worker:expect(first)
      expect_ticks(worker, 5)
      support.eventually(function() return worker.code or worker.stderr:match(more) end, more)
      stop(worker)
      expect_short_log(worker, first, more, began)
    end)
  end

  it("messages to a conflating sub starves nobody; the sub goes on to the newest", function()
    local worker = start([[
local sub = zeroless.Client():connect_local(port):sub { conflate = true }
local n = 0
for m in sub do n = n + 1 if n == 20 then print "seen" end end]], "PUB", "bind", 100)
    worker:expect "seen"
    expect_ticks(worker, 5)
    stop(worker)
  end)

  it("does not keep try and recv from coming back", function()
    local worker = start([[
local pull = zeroless.Server { host = "127.0.0.1", port = port }:pull { max_message_size = 10 }
while zeroless.log do
  print("tried", pull:try())
  print("waited", pull:recv(0.05))
  io.stdout:flush()
end]], "PUSH", "connect", 100)
    worker:expect "refused a message"
    local function both() return workers.count(worker.stdout, "waited\tnil\ttimeout\ntried\tnil\tempty") end
    local before = both()
    support.eventually(function() return worker.code or both() >= before + 3 end, "try and recv")
    assert.is_nil(worker.code, worker.stderr)
  end)
end)

describe("a conflating sub behind a burst", function()
  it("gets the last message, and none twice or out of order", function()
    local port = support.free_port()
    local worker = workers.start(ticking .. [[
local sub = zeroless.Client():connect_local(port):sub { conflate = true }
local last = -1
for m in sub do
  local number = tonumber(m)
  if number <= last then print("after", last, number) end
  last = number
  if number == 300000 then print "the last" break end
end]], {}, port)
    local peer = support.start_python([[
import sys, time, zmq
socket = zmq.Context().socket(zmq.XPUB)
socket.sndhwm = 0
socket.bind("tcp://127.0.0.1:" + sys.argv[1])
socket.recv()
for i in range(300001):
    socket.send_string(str(i))
time.sleep(100)
]], port)
    until_the_end(worker, peer)
    worker:expect "the last"
    assert.is_nil(worker.stdout:match "after")
  end)
end)

describe("a bound push", function()
  it("counts the peers that leave with what was queued, instead of a line for each", function()
    local began = zeroless.now()
    local port = support.free_port()
    local worker = workers.start(ticking .. [[
local push = zeroless.Server { host = "127.0.0.1", port = port }:push()
while true do push(("x"):rep(100000)) end]], { "--drain-timeout", "0" }, port)
    local peer = support.start_python([[
import sys, zmq
context = zmq.Context()
while True:
    socket = context.socket(zmq.PULL)
    socket.linger = 0
    socket.connect("tcp://127.0.0.1:" + sys.argv[1])
    socket.recv()
    socket.close()
]], port)
    until_the_end(worker, peer)
    local more = "push at tcp://127.0.0.1:%d+ lost %d+ more peers?: what was still queued is lost"
    worker:expect "has lost a peer; what it had not taken yet is lost"
    support.eventually(function() return worker.code or worker.stderr:match(more) end, more)
    expect_short_log(worker, "has lost a peer", more, began)
  end)
end)
