-- SPDX-License-Identifier: MIT
-- push and pull with pyzmq's PUSH and PULL at the other end.

require "spec.support"
local peer = require "spec.interop.peer"

local python_push = [[
push = meet(zmq.PUSH)
for message in messages:
    push.send_multipart(message)
push.close()
context.term()
]]

local python_pull = [[
pull = meet(zmq.PULL)
for message in messages:
    check(pull.recv_multipart(), message)
say("all")
]]

for _, binder in ipairs(peer.ways) do
  describe(("push and pull, %s binds:"):format(binder), function()
    it("a pull gets what PUSH sends, frame by frame", function()
      local child, pull = peer.meet(binder, python_push, function(x) return x:pull() end)
      for i = 1, #peer.messages do peer.check(pull, i) end
      peer.ended(child)
      assert.are.same({nil, "empty"}, {pull:try()})
      pull:close()
    end)

    it("a PULL gets what push sends, frame by frame", function()
      local child, push = peer.meet(binder, python_pull, function(x) return x:push() end)
      for i = 1, #peer.messages do assert.is_true(push(peer.frames(i))) end
      peer.ended(child)
      assert.is_truthy(child.stdout:find("all\n", 1, true))
      push:close()
    end)

    it("a push closed at once still delivers everything", function()
      local child, push = peer.meet(binder, python_pull, function(x) return x:push() end)
      for i = 1, #peer.messages do assert.is_true(push(peer.frames(i))) end
      push:close()
      peer.ended(child)
      assert.is_truthy(child.stdout:find("all\n", 1, true))
    end)
  end)
end
