-- SPDX-License-Identifier: MIT
-- request and reply with pyzmq's REQ and REP at the other end.

local support = require "spec.support"
local peer = require "spec.interop.peer"
local zeroless = require "zeroless"

local python_request = [[
request = meet(zmq.REQ)
for message in messages:
    request.send_multipart(message)
    check(request.recv_multipart(), [b"re"] + message)
say("all")
]]

local python_reply = [[
reply = meet(zmq.REP)
for message in messages:
    check(reply.recv_multipart(), message)
    reply.send_multipart([b"re"] + message)
reply.close()
context.term()
]]

for _, binder in ipairs(peer.ways) do
  describe(("request and reply, %s binds:"):format(binder), function()
    it("reply answers REQ, frame by frame", function()
      local child, reply, requests = peer.meet(binder, python_request, function(x) return x:reply() end)
      for i = 1, #peer.messages do assert.is_true(reply("re", peer.check(requests, i))) end
      peer.ended(child)
      assert.is_truthy(child.stdout:find("all\n", 1, true))
      reply:close()
    end)

    it("request is answered by REP, frame by frame", function()
      local child, request, replies = peer.meet(binder, python_reply, function(x) return x:request() end)
      for i = 1, #peer.messages do
        assert.is_true(request(peer.frames(i)))
        peer.check(replies, i, "re")
      end
      peer.ended(child)
      request:close()
    end)

    it("a request that times out leaves the pair usable, and REP's late reply is not taken", function()
      local child, request, replies = peer.meet(binder, [[
reply = meet(zmq.REP)
check(reply.recv(), b"first")
sys.stdin.readline()
reply.send(b"to the first")
check(reply.recv(), b"second")
reply.send(b"to the second")
reply.close()
context.term()
]], function(x) return x:request{timeout = 1} end)
      support.eventually(function() return request "first" end, "the peer")
      assert.are.same({nil, "timeout"}, {replies()})
      child:write "go\n"
      assert.is_true(request "second")
      assert.are.equal("to the second", (replies:recv(support.patience)))
      peer.ended(child)
      request:close()
    end)
  end)
end

describe("request and reply in a crowd:", function()
  it("tasks that share a reply answer ten REQs, each its own", function()
    local server = zeroless.Server{host = "127.0.0.1"}
    local reply, requests = server:reply()
    for _ = 1, 4 do
      zeroless.spawn(function()
        for id, msg in requests do
          zeroless.sleep(0.001) -- others receive meanwhile
          reply(id, msg .. " " .. msg)
        end
      end)
    end
    local children = {}
    for i = 1, 10 do
      children[i] = support.start_python([[
import sys, zmq
socket = zmq.Context().socket(zmq.REQ)
socket.rcvtimeo = socket.linger = 60000
socket.connect("tcp://127.0.0.1:" + sys.argv[1])
for i in range(20):
    socket.send_multipart([sys.argv[2].encode(), b"%d" % i])
    if socket.recv_multipart() != [sys.argv[2].encode(), b"%d %d" % (i, i)]:
        sys.exit("a reply for another")
]], server.port, "client " .. i)
    end
    for i = 1, 10 do peer.ended(children[i]) end
    server:close()
  end)

  it("a request that came through a broker is answered through it", function()
    local server = zeroless.Server{host = "127.0.0.1"}
    local reply, requests = server:reply()
    local child = support.start_python([[
import sys, threading, zmq
context = zmq.Context()
front, back = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
front.linger = back.linger = 0
front.bind("inproc://front")
back.connect("tcp://127.0.0.1:" + sys.argv[1])
threading.Thread(target=zmq.proxy, args=(front, back), daemon=True).start()
request = context.socket(zmq.REQ)
request.rcvtimeo = 60000
request.connect("inproc://front")
for body in ([b"a"], [b""], [b"", b"b"]):
    request.send_multipart(body)
    if request.recv_multipart() != [b"re"] + body:
        sys.exit("another reply")
print("all", flush=True)
import os
os._exit(0)
]], server.port)
    for _, wanted in ipairs{{"a"}, {""}, {"", "b"}} do
      local got = {requests:recv(support.patience)}
      assert.are.same(wanted, got)
      assert.is_true(reply("re", unpack(got)))
    end
    peer.ended(child)
    server:close()
  end)

  it("what comes without an envelope is refused, and the next request is answered", function()
    local child, reply, requests = peer.meet("zlrun", [[
stranger = meet(zmq.DEALER)
stranger.send(b"no envelope")
stranger.send_multipart([b"no", b"empty", b"frame"])
stranger.send_multipart([b""])
stranger.send_multipart([b"", b"a question"])
check(stranger.recv_multipart(), [b"", b"an answer"])
]], function(x) return x:reply() end)
    assert.are.equal("a question", (requests:recv(support.patience)))
    assert.is_true(reply "an answer")
    peer.ended(child)
    reply:close()
  end)

  it("a reply to a peer that has left gives nil and 'gone', and others are answered", function()
    local server = zeroless.Server{host = "127.0.0.1"}
    local reply, requests = server:reply()
    local leaver = support.start_python([[
import sys, zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.connect("tcp://127.0.0.1:" + sys.argv[1])
for i in range(500):
    socket.send_multipart([b"", b"and away"])
sys.stdin.readline()
socket.close(0)
]], server.port)
    assert.are.equal("and away", (requests:recv(support.patience)))
    leaver:write "go\n"
    peer.ended(leaver)
    local ok, why
    support.eventually(function() -- libzmq notices a moment later; until then replies are taken
      ok, why = reply "too late"
      return not ok or not requests:recv(support.patience)
    end, "the peer's leave")
    assert.is_nil(ok)
    assert.are.equal("gone", why)
    local stayer = support.start_python([[
import sys, zmq
socket = zmq.Context().socket(zmq.REQ)
socket.rcvtimeo = 60000
socket.connect("tcp://127.0.0.1:" + sys.argv[1])
socket.send(b"and stay")
if socket.recv() != b"fine":
    sys.exit("another reply")
]], server.port)
    repeat
      local msg = requests:recv(support.patience)
      reply(msg == "and stay" and "fine" or "too late")
    until msg ~= "and away"
    peer.ended(stayer)
    server:close()
  end)
end)
