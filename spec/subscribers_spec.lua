-- SPDX-License-Identifier: MIT
-- pub.subscribers counts what peers hold, whatever they send: the peers here speak ZMTP themselves.

local support = require "spec.support"
local zeroless = require "zeroless"

-- A Python program that has peer(port): a SUB by its handshake, whose frame(bytes, more) sends a frame.
local prelude = [[
import socket, struct, sys

class peer:
    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port))
        self.s.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16 + 1 + 31))
        self.read(64)
        ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 3) + b"SUB"
        self.s.sendall(b"\x04" + bytes([len(ready)]) + ready)
        self.read(self.read(2)[1])
    def read(self, size):
        return self.s.recv(size, socket.MSG_WAITALL)
    def frame(self, body, more=False):
        self.s.sendall(bytes([1 if more else 0, len(body)]) + body)
    def close(self):
        self.s.close()

port = int(sys.argv[1])
def say(word):
    print(word, flush=True)
    sys.stdin.readline()
]]

local function forge(port, text)
  local child = support.start_python(prelude .. text, port)
  function child.go_on() child:write "\n" end
  return child
end

local function make_pub()
  local server = zeroless.Server { host = "127.0.0.1" }
  return server:pub(), server.port, server
end

local function holds(pub, count)
  support.eventually(function() return pub.subscribers == count end, count .. " subscriptions, not " .. pub.subscribers)
end

-- The count is `count` and stays it while a message goes to a peer and back: what was sent before is seen.
local function settles(pub, count, port)
  holds(pub, count)
  local sub = zeroless.Client():connect_local(port):sub { topics = { "settles" } }
  holds(pub, count + 1)
  sub:close()
  holds(pub, count)
end

describe("pub.subscribers", function()
  it("stays 0 when a peer cancels a thousand times what nobody holds", function()
    local pub, port, server = make_pub()
    local child = forge(port, [[
p = peer(port)
for i in range(1000): p.frame(b"\x00nothing")
p.frame(b"\x01mark")
say("done")]])
    child:expect "done"
    settles(pub, 1, port)
    child.go_on()
    child:wait()
    settles(pub, 0, port)
    server:close()
  end)

  it("does not change when a peer cancels what others hold", function()
    local pub, port, server = make_pub()
    local subs = {}
    for i = 1, 3 do subs[i] = zeroless.Client():connect_local(port):sub { topics = { "shared" } } end
    holds(pub, 3)
    local child = forge(port, [[
p = peer(port)
for i in range(100): p.frame(b"\x00shared")
p.frame(b"\x01mark")
say("done")]])
    child:expect "done"
    settles(pub, 4, port)
    child.go_on()
    child:wait()
    settles(pub, 3, port)
    for _, sub in ipairs(subs) do sub:close() end
    holds(pub, 0)
    server:close()
  end)

  it("counts a topic once for a peer that asks for it a thousand times", function()
    local pub, port, server = make_pub()
    local child = forge(port, [[
p = peer(port)
for i in range(1000): p.frame(b"\x01same")
say("asked")
p.frame(b"\x00same")
p.frame(b"\x01mark")
say("cancelled")]])
    child:expect "asked"
    settles(pub, 1, port)
    child.go_on()
    child:expect "cancelled"
    settles(pub, 1, port)
    child.go_on()
    child:wait()
    settles(pub, 0, port)
    server:close()
  end)

  it("ignores other frames, and is exact after messages of several", function()
    local pub, port, server = make_pub()
    local child = forge(port, [[
p = peer(port)
for i in range(100):
    p.frame(b"upstream", True)
    p.frame(b"\x01inner", True)
    p.frame(b"\x02", True)
    p.frame(b"")
say("done")]])
    child:expect "done"
    -- libzmq takes the second frame for a subscription, so messages that begin with "inner" go there.
    settles(pub, 1, port)
    child.go_on()
    child:wait()
    settles(pub, 0, port)
    server:close()
  end)

  it("is exact after many peers have come and gone with topics in common", function()
    local pub, port, server = make_pub()
    local child = forge(port, [[
import random
random.seed(1)
stays = peer(port)
for t in range(20): stays.frame(b"\x01%d" % t)
for turn in range(20):
    peers = [peer(port) for _ in range(10)]
    for p in peers:
        for _ in range(50): p.frame(random.choice([b"\x00", b"\x01"]) + b"%d" % random.randrange(20))
    random.shuffle(peers)
    for p in peers: p.close()
say("done")]])
    child:expect "done"
    settles(pub, 20, port)
    child.go_on()
    child:wait()
    settles(pub, 0, port)
    server:close()
  end)

  it("counts over ipc and inproc, too", function()
    for _, endpoint in ipairs { "ipc://@" .. support.name(), support.inproc() } do
      local server = zeroless.Server { endpoint = endpoint }
      local pub = server:pub()
      local subs = {}
      for i = 1, 3 do
        subs[i] = zeroless.Client():connect(endpoint):sub { topics = { "a", "b" } }
        holds(pub, 2 * i)
      end
      for i = 3, 1, -1 do
        subs[i]:close()
        holds(pub, 2 * (i - 1))
      end
      server:close()
    end
  end)
end)
