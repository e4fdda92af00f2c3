-- SPDX-License-Identifier: MIT
-- pair with pyzmq's PAIR at the other end.

require "spec.support"
local peer = require "spec.interop.peer"

local python_pair = [[
pair = meet(zmq.PAIR)
for message in messages:
    check(pair.recv_multipart(), message)
    pair.send_multipart([b"re"] + message)
for message in messages:
    pair.send_multipart(message)
check(pair.recv_multipart(), [b"enough"])
]]

for _, binder in ipairs(peer.ways) do
  describe(("pair, %s binds:"):format(binder), function()
    it("plays ping-pong with PAIR, frame by frame, and hears what it did not ask for", function()
      local child, pair, incoming = peer.meet(binder, python_pair, function(x) return x:pair() end)
      for i = 1, #peer.messages do
        assert.is_true(pair(peer.frames(i)))
        peer.check(incoming, i, "re")
      end
      for i = 1, #peer.messages do peer.check(incoming, i) end
      assert.is_true(pair "enough")
      peer.ended(child)
      pair:close()
    end)
  end)
end
