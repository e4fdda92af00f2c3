-- SPDX-License-Identifier: MIT
-- pub and sub with pyzmq's PUB, XPUB and SUB at the other end.

local support = require "spec.support"
local peer = require "spec.interop.peer"

-- A PUB does not hear of its subscribers: it says hello until it is told on standard input that
-- somebody listens.
local python_publish = [[
def publish_when_heard(topic):
    pub = meet(zmq.PUB)
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        pub.send_multipart([topic, b"hello"])
    return pub
]]

-- Waits for the first hello and forgets those that follow; then `receiver` gives what comes after.
local function heard(child, receiver, topic)
  assert.are.same({topic, "hello"}, {receiver:recv(support.patience)})
  child:write "go\n"
  repeat
    local got = {receiver:recv(support.patience)}
  until got[2] ~= "hello"
end

for _, binder in ipairs(peer.ways) do
  describe(("pub and sub, %s binds:"):format(binder), function()
    it("a SUB gets what pub publishes under an embedded topic, frame by frame", function()
      local child, pub = peer.meet(binder, [[
sub = meet(zmq.SUB)
sub.subscribe(b"sh")
for message in messages:
    check(sub.recv_multipart(), [b"sh"] + message)
say("all")
]], function(x) return x:pub{topic = "sh", embed_topic = true} end)
      assert.is_true(pub:wait_subscribers(1, support.patience))
      assert.are.equal(1, pub.subscribers)
      for i = 1, #peer.messages do assert.is_true(pub(peer.frames(i))) end
      peer.ended(child)
      support.eventually(function() return pub.subscribers == 0 end, "the subscriber's leave")
      pub:close()
    end)

    it("a SUB gets an embedded empty topic as a frame of its own", function()
      local child, pub = peer.meet(binder, [[
sub = meet(zmq.SUB)
sub.subscribe(b"")
check(sub.recv_multipart(), [b"", b"Msg1"])
]], function(x) return x:pub{embed_topic = true} end)
      assert.is_true(pub:wait_subscribers(1, support.patience))
      assert.is_true(pub "Msg1")
      peer.ended(child)
      pub:close()
    end)

    it("a SUB gets its topic alone, which begins the first frame", function()
      local child, pub = peer.meet(binder, [[
sub = meet(zmq.SUB)
sub.subscribe(b"topic1 b")
check(sub.recv_multipart(), [b"topic1 b", b"yes"])
check(sub.recv_multipart(), [b"topic1 bb\0"])
]], function(x) return x:pub{topic = "topic1"} end)
      assert.is_true(pub:wait_subscribers(1, support.patience))
      assert.is_true(pub("topic1 a", "no"))
      assert.is_true(pub("topic1 b", "yes"))
      assert.is_true(pub "topic1")
      assert.is_true(pub "topic1 bb\0")
      peer.ended(child)
      pub:close()
    end)

    it("a SUB with a binary topic of 245 bytes gets what is published under it", function()
      local child, pub = peer.meet(binder, [[
sub = meet(zmq.SUB)
sub.subscribe(every_byte[:245])
check(sub.recv_multipart(), [every_byte[:245], b"Msg1"])
]], function(x) return x:pub{topic = peer.every_byte:sub(1, 245), embed_topic = true} end)
      assert.is_true(pub:wait_subscribers(1, support.patience))
      assert.is_true(pub "Msg1")
      peer.ended(child)
      pub:close()
    end)

    it("a sub gets what PUB publishes under its topic, frame by frame", function()
      local child, sub = peer.meet(binder, python_publish .. [[
pub = publish_when_heard(b"sh")
pub.send_multipart([b"sh", b"begin"])
for message in messages:
    pub.send_multipart([b"other"] + message)
    pub.send_multipart([b"sh"] + message)
pub.close()
context.term()
]], function(x) return x:sub{topics = {"sh"}} end)
      heard(child, sub, "sh")
      for i = 1, #peer.messages do peer.check(sub, i, "sh") end
      peer.ended(child)
      assert.are.same({nil, "empty"}, {sub:try()})
      sub:close()
    end)

    it("a sub with exact topics does not get the longer ones", function()
      local child, sub = peer.meet(binder, python_publish .. [[
pub = publish_when_heard(b"sh")
pub.send_multipart([b"sh", b"begin"])
pub.send_multipart([b"shell", b"no"])
pub.send_multipart([b"sh", b"yes"])
pub.close()
context.term()
]], function(x) return x:sub{topics = {"sh"}, exact = true} end)
      heard(child, sub, "sh")
      assert.are.same({"sh", "yes"}, {sub:recv(support.patience)})
      peer.ended(child)
      sub:close()
    end)

    it("a sub loses nothing that came before its first receive", function()
      local child, sub = peer.meet(binder, [[
pub = meet(zmq.XPUB)
check(pub.recv(), b"\1sh")
for i in range(1, 1001):
    pub.send_multipart([b"sh", b"%d" % i])
say("sent")
pub.close()
context.term()
]], function(x) return x:sub{topics = {"sh"}} end)
      child:expect "sent"
      for i = 1, 1000 do
        assert.are.same({"sh", tostring(i)}, {sub:recv(support.patience)})
      end
      peer.ended(child)
      assert.are.same({nil, "empty"}, {sub:try()})
      sub:close()
    end)
  end)
end
