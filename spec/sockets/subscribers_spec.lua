-- SPDX-License-Identifier: MIT
-- pub.subscribers counts what peers hold, whatever they send: the peers here speak ZMTP themselves.

local forged_peer = require "spec.forged_peer"
local support = require "spec.support"
local zeroless = require "zeroless"

local function make_pub()
  local server = zeroless.Server { host = "127.0.0.1" }
  return server:pub(), server.port, server
end

-- The count becomes `count`.
local function assert_becomes(count, pub)
  pcall(support.eventually, function() return pub.subscribers == count end)
  assert.equal(count, pub.subscribers)
end

-- The count is `count` and stays it while a message goes to a peer and back: what was sent before is seen.
local function assert_settles(count, pub, port)
  assert_becomes(count, pub)
  local sub = zeroless.Client():connect_local(port):sub { topics = { "settles" } }
  assert_becomes(count + 1, pub)
  sub:close()
  assert_becomes(count, pub)
end

describe("pub.subscribers", function()
  it("stays 0 when a peer cancels a thousand times what nobody holds", function()
    local pub, port, server = make_pub()
    local child = forged_peer.start(port, [[
p = peer(b"SUB")
for i in range(1000): p.frame(b"\x00nothing")
p.frame(b"\x01mark")
say("done")]])
    child:expect "done"
    assert_settles(1, pub, port)
    child.go_on()
    child:wait()
    assert_settles(0, pub, port)
    server:close()
  end)

  it("does not change when a peer cancels what others hold", function()
    local pub, port, server = make_pub()
    local subs = {}
    for i = 1, 3 do subs[i] = zeroless.Client():connect_local(port):sub { topics = { "shared" } } end
    assert_becomes(3, pub)
    local child = forged_peer.start(port, [[
p = peer(b"SUB")
for i in range(100): p.frame(b"\x00shared")
p.frame(b"\x01mark")
say("done")]])
    child:expect "done"
    assert_settles(4, pub, port)
    child.go_on()
    child:wait()
    assert_settles(3, pub, port)
    for _, sub in ipairs(subs) do sub:close() end
    assert_becomes(0, pub)
    server:close()
  end)

  it("counts a topic once for a peer that asks for it a thousand times", function()
    local pub, port, server = make_pub()
    local child = forged_peer.start(port, [[
p = peer(b"SUB")
for i in range(1000): p.frame(b"\x01same")
say("asked")
p.frame(b"\x00same")
p.frame(b"\x01mark")
say("cancelled")]])
    child:expect "asked"
    assert_settles(1, pub, port)
    child.go_on()
    child:expect "cancelled"
    assert_settles(1, pub, port)
    child.go_on()
    child:wait()
    assert_settles(0, pub, port)
    server:close()
  end)

  it("ignores other frames, and is exact after messages of several", function()
    local pub, port, server = make_pub()
    local child = forged_peer.start(port, [[
p = peer(b"SUB")
for i in range(100):
    p.frame(b"upstream", True)
    p.frame(b"\x01inner", True)
    p.frame(b"\x02", True)
    p.frame(b"")
say("done")]])
    child:expect "done"
    -- libzmq takes the second frame for a subscription, so messages that begin with "inner" go there.
    assert_settles(1, pub, port)
    child.go_on()
    child:wait()
    assert_settles(0, pub, port)
    server:close()
  end)

  it("is exact after many peers have come and gone with topics in common", function()
    local pub, port, server = make_pub()
    local child = forged_peer.start(port, [[
import random
random.seed(1)
stays = peer(b"SUB")
for t in range(20): stays.frame(b"\x01%d" % t)
for turn in range(20):
    peers = [peer(b"SUB") for _ in range(10)]
    for p in peers:
        for _ in range(50): p.frame(random.choice([b"\x00", b"\x01"]) + b"%d" % random.randrange(20))
    random.shuffle(peers)
    for p in peers: p.close()
say("done")]])
    child:expect "done"
    assert_settles(20, pub, port)
    child.go_on()
    child:wait()
    assert_settles(0, pub, port)
    server:close()
  end)

  it("counts over ipc and inproc, too", function()
    for _, endpoint in ipairs { "ipc://@" .. support.name(), support.inproc() } do
      local server = zeroless.Server { endpoint = endpoint }
      local pub = server:pub()
      local subs = {}
      for i = 1, 3 do
        subs[i] = zeroless.Client():connect(endpoint):sub { topics = { "a", "b" } }
        assert_becomes(2 * i, pub)
      end
      for i = 3, 1, -1 do
        subs[i]:close()
        assert_becomes(2 * (i - 1), pub)
      end
      server:close()
    end
  end)
end)
