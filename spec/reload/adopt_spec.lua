-- SPDX-License-Identifier: MIT
-- A generation takes over the sockets of the one before, whatever the pattern and whichever side binds: with
-- their queues, their peers and their counters. The peers see nothing.

local support = require "spec.support"
local worker = require "spec.reload.worker"
local zeroless = require "zeroless"

-- Every pattern, on endpoints that `open(name)` gives: answers with the number of its generation.
local all_patterns = [[
local pull, push = open "pull":pull(), open "push":push()
local sub, pub = open "sub":sub { topics = { "t" } }, open "pub":pub()
local answer, requests = open "reply":reply()
local ask, replies = open "request":request()
local pair, incoming = open "pair":pair()
local n = zeroless.generation .. " "
zeroless.spawn(function() for m in pull do push(n .. m) end end)
zeroless.spawn(function() for m in sub do pub(n .. m) end end)
zeroless.spawn(function() for m in requests do answer(n .. m) end end)
for m in incoming do
  ask(n .. m)
  pair(replies())
end]]

local sides = {
  server = "local function open(name) return Server { endpoint = 'ipc://' .. name } end\n" .. all_patterns,
  client = "local function open(name) return Client():connect('ipc://' .. name) end\n" .. all_patterns,
}

-- Peers of all that, with a monitor each; prints what it counts when told to.
local peers = [[
import sys, threading, zmq
from zmq.utils.monitor import recv_monitor_message
folder, side = sys.argv[1:]
context = zmq.Context()
kinds = {"pull": zmq.PUSH, "push": zmq.PULL, "sub": zmq.PUB, "pub": zmq.SUB, "reply": zmq.REQ,
         "request": zmq.REP, "pair": zmq.PAIR}
sockets, monitors = {}, {}
for name, kind in kinds.items():
    s = sockets[name] = context.socket(kind)
    s.rcvtimeo = s.sndtimeo = 30000
    s.linger = 0
    monitors[name] = s.get_monitor_socket()
    if kind == zmq.SUB:
        s.subscribe(b"")
    (s.connect if side == "server" else s.bind)("ipc://%s/%s" % (folder, name))
def check(got, wanted):
    if got != wanted:
        sys.exit("got %r, not %r" % (got, wanted))
def events():
    counts = {"connects": 0, "disconnects": 0}
    for monitor in monitors.values():
        while monitor.poll(20):
            event = recv_monitor_message(monitor)["event"]
            counts["connects"] += event in (zmq.EVENT_CONNECTED, zmq.EVENT_ACCEPTED)
            counts["disconnects"] += event in (zmq.EVENT_DISCONNECTED, zmq.EVENT_CLOSED)
    return counts
print("bound", flush=True)
sys.stdin.readline()
while True: # until the subscriptions have arrived
    sockets["sub"].send(b"t")
    if sockets["pub"].poll(10):
        break
while sockets["pub"].poll(100):
    sockets["pub"].recv()
check(events(), {"connects": 7, "disconnects": 0})
print("met", flush=True)
rounds = 0
for line in sys.stdin:
    n = line.strip()
    if n == "end":
        break
    n = n.encode() + b" "
    sockets["pull"].send(b"a")
    check(sockets["push"].recv(), n + b"a")
    sockets["sub"].send(b"tb")
    check(sockets["pub"].recv(), n + b"tb")
    sockets["reply"].send(b"c")
    check(sockets["reply"].recv(), n + b"c")
    sockets["pair"].send(b"d")
    check(sockets["request"].recv(), n + b"d")
    sockets["request"].send(b"e")
    check(sockets["pair"].recv(), b"e")
    rounds += 1
    print("round %d by %s" % (rounds, n.decode()), flush=True)
check(events(), {"connects": 0, "disconnects": 0})
print("seen nothing", flush=True)
]]

describe("foreign peers of every pattern see no disconnect", function()
  for side, text in pairs(sides) do
    it(("when the script is their %s: five reloads, two of them bad"):format(side), function()
      local w = worker.new { text }
      if side == "server" then w:run():told("Ready...", 7) end
      local python = support.start_python(peers, w.folder, side)
      python:expect "bound"
      if side == "client" then w:run() end
      python:write "begin\n"
      python:expect "met"
      local generation = 1
      for i = 1, 5 do
        python:write(generation .. "\n")
        python:expect(("round %d by %d "):format(i, generation))
        local bad = i % 2 == 0
        w:reload(bad and text:gsub("for m in incoming do", "error 'boom'\n%0") or text .. "\n-- " .. i)
        generation = bad and generation or generation + 1
      end
      python:write(generation .. "\nend\n")
      python:expect "seen nothing"
      assert.equal(0, python:wait().code)
    end)
  end
end)

describe("what waits in a socket", function()
  for _, pattern in ipairs { "pull", "pair", "sub" } do
    it("is handled by the next generation, in order: " .. pattern, function()
      local w = worker.start { ([[
local pattern = %q
local server = Server { endpoint = "ipc://w.sock" }
local receiver = select(-1, server[pattern](server))
print("generation " .. zeroless.generation)
local count = zeroless.generation == 1 and 10 or 800
zeroless.spawn(function()
  for i = 1, count do io.write(receiver(), " ") end
  if zeroless.generation == 2 then print "over" end
end)
zeroless.sleep(1000)]]):format(pattern) }
      w:expect "generation 1"
      local client = w:client()
      local send = pattern == "sub" and client:pub() or (client[pattern == "pull" and "push" or "pair"](client))
      if pattern == "sub" then send:wait_subscribers(1) end
      local all = {}
      for i = 1, 810 do
        send(tostring(i))
        all[i] = i .. (i == 10 and " generation 2\n" or " ")
      end
      w:expect "10 "
      w:reload()
      assert.equal("generation 1\n" .. table.concat(all) .. "over\n", w:expect "over")
    end)
  end

  it("to be sent still leaves, in order, when its peer did not read yet", function()
    local count = 100 -- of 100 KB in each generation, much more than the peer's queue and the kernel hold
    local w = worker.new { ([[
local push = Client():connect "ipc://out":push()
for i = 1, %d do push("from " .. zeroless.generation, tostring(i), ("x"):rep(100000)) end
print("sent " .. zeroless.generation)
zeroless.sleep(1000)]]):format(count) }
    local pull = w:server("out", { hwm = 1 }):pull()
    w:run():expect "sent 1"
    for generation = 2, 3 do
      w:reload()
      w:expect("sent " .. generation)
    end
    for generation = 1, 3 do
      for i = 1, count do
        local from, number = pull:recv(support.patience)
        assert.same({ "from " .. generation, tostring(i) }, { from, number })
      end
    end
  end)

  it("to be sent still leaves when its peer has left and comes back", function()
    local w = worker.new { [[
local push = Client { hwm = 0 }:connect "ipc://out":push()
if zeroless.generation == 1 then
  for i = 1, 200 do push(tostring(i), ("x"):rep(100000)) end
  push "the last"
end
print("generation " .. zeroless.generation)
zeroless.sleep(1000)]] }
    local server = w:server("out", { hwm = 1 })
    server:pull()
    w:run():expect "generation 1"
    server:close()
    w:told "has left"
    w:reload()
    w:expect "generation 2"
    local pull = w:server "out":pull()
    local seen, number, filler = 0, nil, nil
    repeat
      if filler then
        assert.is_true(tonumber(number) > seen)
        seen = tonumber(number)
      end
      number, filler = pull:recv(support.patience)
    until not filler
    assert.equal("the last", number)
    assert.equal(200, seen)
  end)

  it("is what the last generation sends, when none has found a peer so far", function()
    local w = worker.start { [[
local push = Client():connect "ipc://out":push()
print("sending " .. zeroless.generation)
push("from " .. zeroless.generation)
print("sent " .. zeroless.generation)
zeroless.sleep(1000)]] }
    w:expect "sending 1"
    for generation = 2, 3 do
      w:reload()
      w:expect("sending " .. generation)
    end
    local pull = w:server "out":pull()
    assert.equal("from 3", pull:recv(support.patience))
    w:expect "sent 3"
    assert.same({ nil, "empty" }, { pull:try() })
    assert.not_matches("sent [12]", w.child.stdout)
  end)
end)

describe("a request socket", function()
  it("takes no late reply for the next generation's", function()
    local w = worker.new { [[
local ask, replies = Client():connect "ipc://elsewhere":request { timeout = zeroless.generation == 1 and 0.02 or 1000 }
ask("from " .. zeroless.generation)
print(zeroless.generation, replies())
zeroless.sleep(1000)]] }
    local answer, requests = w:server "elsewhere":reply()
    w:run()
    assert.equal("from 1", requests())
    w:expect "1\tnil\ttimeout"
    w:reload()
    answer "late"
    assert.equal("from 2", requests())
    answer "in time"
    assert.equal("1\tnil\ttimeout\n2\tin time\n", w:expect "2\t")
  end)
end)

describe("a publisher", function()
  it("keeps its subscribers and their count, and nobody subscribes anew", function()
    local w = worker.start { [[
local pub = Server { endpoint = "ipc://w.sock" }:pub()
print(zeroless.generation .. " has " .. pub.subscribers)
pub:wait_subscribers(3)
pub("from " .. zeroless.generation)
print(zeroless.generation .. " had " .. pub.subscribers)
zeroless.sleep(1000)]] }
    w:expect "1 has 0"
    local sub = w:client():sub { topics = { "from", "f" } }
    local also = w:client():sub { topics = { "from 1", "from 2" } }
    w:expect "1 had 4"
    for generation = 1, 3 do
      if generation > 1 then w:reload() end
      assert.equal("from " .. generation, sub())
      w:expect(generation .. " had 4")
    end
    assert.equal("from 1", also())
    assert.equal("from 2", also())
    assert.matches("2 has 4\n2 had 4\n3 has 4\n3 had 4\n", w.child.stdout, 1, true)
  end)

  it("counts those who come and go while it is reloaded", function()
    local w = worker.start { [[
local pub = Server { endpoint = "ipc://w.sock" }:pub()
while true do
  print(zeroless.generation .. " has " .. pub.subscribers)
  zeroless.sleep(0.005)
end]] }
    local first = w:client()
    first:sub()
    w:expect "1 has 1\n"
    local second = w:client()
    second:sub { topics = { "a", "b" } }
    w:reload()
    w:expect "2 has 3\n"
    first:close()
    w:reload()
    w:expect "3 has 2\n"
  end)
end)

describe("a subscriber", function()
  -- Its peer is a publisher that hears every subscription.
  local xpub = [[
import sys, zmq
s = zmq.Context().socket(zmq.XPUB)
s.setsockopt(zmq.XPUB_VERBOSE, 1)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    event = s.recv()
    print({0: "-", 1: "+"}[event[0] ] + event[1:].decode(), flush=True)
    if event == b"\x01end":
        sys.exit()
]]

  local function script(topics)
    return ([[
local sub = Client():connect "ipc://pub":sub { topics = { %s } }
for _ in sub do end]]):format(topics)
  end

  it("tells its publisher new topics first, then those it drops, and nothing of the others", function()
    local w = worker.new { script '"a", "b", ""'  }
    local python = support.start_python(xpub, w:at "pub")
    python:expect "bound"
    w:run()
    for _, event in ipairs { "+a", "+b", "+\n" } do python:expect(event) end
    local before = #python.stdout
    w:reload()
    w:reload(script '"c", "", "d", "c"' )
    w:reload(script '"c", "x"')
    w:reload((script '"bad", "c"':gsub("for", "error 'boom'\nfor")))
    w:reload(script '"c", "end"')
    python:wait()
    local events = python.stdout:sub(before + 1):gsub("\n", " ")
    assert.equal("+c +d -a -b +x - -d +bad -bad +end ", events)
  end)

  it("gets what was on its way of the topics that stay, and nothing of those it has dropped", function()
    local w = worker.start { [[
local topics = zeroless.generation == 1 and { "a", "b" } or { "b", "c" }
local sub = Server { endpoint = "ipc://w.sock" }:sub { topics = topics }
print("generation " .. zeroless.generation)
if zeroless.generation == 1 then zeroless.sleep(1000) end
for message in sub do print(message) end]] }
    w:expect "generation 1"
    local pub = w:client():pub()
    pub:wait_subscribers(2)
    for i = 1, 3 do
      pub("a" .. i)
      pub("b" .. i)
    end
    zeroless.sleep(0.02)
    w:reload()
    support.eventually(function()
      pub "c"
      return w.child.stdout:find "c"
    end)
    assert.matches("generation 2\nb1\nb2\nb3\nc", w.child.stdout, 1, true)
    assert.not_matches("a%d", w.child.stdout)
  end)
end)
