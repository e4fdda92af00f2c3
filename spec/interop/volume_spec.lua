-- SPDX-License-Identifier: MIT
-- Many messages between a zlrun process and a pyzmq process, whole and in order. ZLRUN_SPEC_MESSAGES
-- sets how many.

local support = require "spec.support"
local peer = require "spec.interop.peer"

local count = tonumber(os.getenv "ZLRUN_SPEC_MESSAGES") or 100000
support.patience = math.max(support.patience, count / 2000)

-- Prints its port, pulls and compares.
local pull_script = support.file [[
local zeroless = require "zeroless"
local server = zeroless.Server{host = "127.0.0.1"}
local pull = server:pull()
print(server.port)
local i = 0
for msg in pull do
  i = i + 1
  assert(msg == tostring(i), msg)
  if msg == arg[1] then break end
end
print(i .. " in order")
]]

local push_script = support.file [[
local zeroless = require "zeroless"
local push = zeroless.Client():connect_local(tonumber(arg[1])):push()
for i = 1, arg[2] do push(tostring(i)) end
]]

describe(("%d messages arrive whole and in order:"):format(count), function()
  it("from PUSH at a pull script", function()
    local puller = support.start_host{pull_script, count}
    local port = support.eventually(function()
      return puller.stdout:match "^(%d+)\n" or puller.code
    end, "the port")
    local pusher = support.start_python([[
import sys, zmq
context = zmq.Context()
push = context.socket(zmq.PUSH)
push.connect("tcp://127.0.0.1:" + sys.argv[1])
for i in range(1, int(sys.argv[2]) + 1):
    push.send(b"%d" % i)
push.close()
context.term()
]], port, count)
    peer.ended(puller)
    peer.ended(pusher)
    assert.are.equal(("%s\n%d in order\n"):format(port, count), puller.stdout)
  end)

  it("from a push script, which then ends, at PULL", function()
    local puller = support.start_python([[
import sys, zmq
pull = zmq.Context().socket(zmq.PULL)
pull.rcvtimeo = 60000
print(pull.bind_to_random_port("tcp://127.0.0.1"), flush=True)
count = int(sys.argv[1])
for i in range(1, count + 1):
    got = pull.recv()
    if got != b"%d" % i:
        sys.exit("got %r, not %d" % (got, i))
print(count, "in order")
]], count)
    local port = puller:expect "\n":match "^(%d+)\n"
    local pusher = support.start_host{push_script, port, count}
    peer.ended(pusher)
    peer.ended(puller)
    assert.are.equal(("%s\n%d in order\n"):format(port, count), puller.stdout)
  end)
end)
