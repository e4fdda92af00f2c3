-- SPDX-License-Identifier: MIT
-- A message is sent only to a peer that has completed its handshake and speaks the right pattern: never to
-- one that is absent, that is something else, or that was given up on.

local raw_peer = require "spec.raw_peer"
local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local patience = support.patience

local transports = {
  tcp = function() return "tcp://127.0.0.1:*" end,
  inproc = support.inproc,
}

-- Every pattern, with those that it speaks to.
local partners = {
  push = "pull", pull = "push", pub = "sub", sub = "pub", request = "reply", reply = "request", pair = "pair",
}
local waiting = { "push", "request", "pair" } -- what waits for a peer
local twins = { request = true } -- DEALERs on the wire, which may speak to each other

local function open(peer, pattern, options)
  return peer[pattern](peer, options)
end

-- How long it takes at least until a peer of the wrong kind was met, and met again.
local moment = 0.15

describe("what is sent to a peer of another pattern is never taken for sent:", function()
  for transport, endpoint in pairs(transports) do
    for _, pattern in ipairs(waiting) do
      it(("a %s that connects by %s"):format(pattern, transport), function()
        for other in pairs(partners) do
          if other ~= partners[pattern] and not (twins[pattern] and other == pattern and transport ~= "inproc") then
            local server, client = Server { endpoint = endpoint() }, Client { timeout = moment }
            open(server, other)
            local send = open(client:connect(server.endpoint), pattern)
            assert.same({ other, nil, "timeout" }, { other, send "one" })
            assert.same({ other, nil, "full" }, { other, send:try "two" })
            client:close()
            server:close()
          end
        end
      end)
    end

    it("a push that is bound, by " .. transport, function()
      for other in pairs(partners) do
        if other ~= "pull" then
          local server, client = Server { endpoint = endpoint(), timeout = moment }, Client()
          local push = server:push()
          open(client:connect(server.endpoint), other)
          assert.same({ other, nil, "timeout" }, { other, push "one" })
          client:close()
          server:close()
        end
      end
    end)
  end

  it("the author is told what is wrong, and the end names it", function()
    local server = Server { host = "127.0.0.1" }
    server:reply()
    local child = support.start_host { "--drain-timeout", 1000, "-e", [[
      local push = require("zeroless").Client():connect_local(tonumber(arg[1])):push()
      push "lost until now"
    ]], server.port }
    child:expect "it is no pull"
    child:kill "sigterm"
    child:wait()
    server:close()
    assert.equal(75, child.code, child.stderr)
    assert.matches("level=error [^\n]*127%.0%.0%.1:" .. server.port, child.stderr)
  end)

  it("it goes to one that speaks the pattern, once that one is there", function()
    for _, endpoint in pairs(transports) do
      local wrong = Server { endpoint = endpoint() }
      wrong:reply()
      local address = wrong.endpoint
      local push = Client():connect(address):push()
      local pusher = zeroless.spawn(function()
        for i = 1, 3 do push(tostring(i)) end
        return true
      end)
      assert.same({ nil, "timeout" }, { pusher:join(moment) })
      wrong:close()
      local _, pull = support.bind_again { endpoint = address }
      for i = 1, 3 do assert.equal(tostring(i), pull:recv(patience)) end
      assert.is_true(pusher:join(patience))
      push:close()
      pull:close()
    end
  end)
end)

describe("an inproc name that nobody has bound", function()
  it("takes nothing: the sender waits for the bind", function()
    for _, pattern in ipairs(waiting) do
      local endpoint = support.inproc()
      local client = Client { timeout = 0.02 }:connect(endpoint)
      local send = open(client, pattern)
      assert.same({ nil, "timeout" }, { send "one" })
      assert.same({ nil, "full" }, { send:try "two" })
      local server = Server { endpoint = endpoint }
      local _, requests = open(server, partners[pattern])
      local receiver = requests or _
      assert.is_true(send "three")
      assert.equal("three", receiver:recv(patience))
      client:close()
      server:close()
    end
  end)

  it("may be left and bound by any other pattern: libzmq aborted", function()
    local child = support.run_script [[
      local zeroless = require "zeroless"
      local patterns = { "push", "pull", "pub", "sub", "request", "reply", "pair" }
      for i, one in ipairs(patterns) do
        for j, other in ipairs(patterns) do
          local endpoint = ("inproc://%d-%d"):format(i, j)
          local client, server = zeroless.Client():connect(endpoint), zeroless.Server { endpoint = endpoint }
          local send = client[one](client)
          if one == "push" or one == "request" or one == "pair" then send:try "x" end
          client:disconnect(endpoint)
          server[other](server)
          zeroless.sleep(0)
          client:close()
          server:close()
        end
      end
      print "all 49"
    ]]
    assert.equal("all 49\n", child.stdout, child.stderr)
    assert.equal(0, child.code, child.stderr)
    assert.equal(0, child.signal)
  end)
end)

describe("a message above the receiver's max_message_size", function()
  it("is refused with a warning, and the small one behind it arrives", function()
    local child = support.start_host { "--log-level", "warn", "-e", [[
      local zeroless = require "zeroless"
      io.stdout:setvbuf "no"
      local server = zeroless.Server { host = "127.0.0.1" }
      local pull = server:pull { max_message_size = 1000 }
      print(("port %d."):format(server.port))
      for message in pull do print(message) end
    ]] }
    local port = tonumber(child:expect ".\n":match "port (%d+)")
    local sender = support.run_host { "-e", [[
      local push = require("zeroless").Client():connect_local(tonumber(arg[1])):push()
      assert(push(("x"):rep(1000000)))
      assert(push "small")
    ]], port }
    assert.equal(0, sender.code, sender.stderr)
    child:expect "small\n"
    child:expect "refused a message"
    child:kill "sigterm"
    child:wait()
    assert.matches("level=warn [^\n]*1000000 bytes, above max_message_size", child.stderr)
    assert.equal(0, child.code, child.stderr)
  end)
end)

describe("a request that was given up", function()
  -- All that comes until the requester has its reply is "wanted".
  local function assert_only_wanted(request, replies, reply, requests)
    local asker = zeroless.spawn(function()
      repeat
        request "wanted"
        local answer = replies()
      until answer
      return true
    end)
    repeat
      assert.equal("wanted", requests:recv(patience))
      reply "done"
    until asker:join(0.02)
  end

  it("is not executed by a server that starts later", function()
    local port = support.free_port()
    local request, replies = Client():connect_local(port):request { timeout = 0.05 }
    for i = 1, 5 do
      request("given up " .. i)
      assert.same({ nil, "timeout" }, { replies() })
    end
    local reply, requests = Server({ host = "127.0.0.1", port = port }):reply()
    assert_only_wanted(request, replies, reply, requests)
  end)

  it("is not executed by a server that has left before, and comes back", function()
    local server = Server { host = "127.0.0.1" }
    local reply, requests = server:reply()
    local port = server.port
    local request, replies = Client():connect_local(port):request { timeout = 0.2 }
    support.eventually(function() return request:try "first" end, "the connection")
    assert.equal("first", requests:recv(patience))
    reply "one"
    replies()
    server:close()
    support.eventually(function()
      local sent = request "given up"
      assert.same({ nil, "timeout" }, { replies() })
      return not sent
    end, "the end of the connection")
    reply, requests = Server({ host = "127.0.0.1", port = port }):reply()
    assert_only_wanted(request, replies, reply, requests)
  end)
end)

describe("a request is what REQ sends:", function()
  it("a ROUTER that answers [id, '', body] was dropped in silence", function()
    local child = support.start_python [=[
import zmq
router = zmq.Context().socket(zmq.ROUTER)
router.linger = router.rcvtimeo = router.sndtimeo = 60000
print("port %d." % router.bind_to_random_port("tcp://127.0.0.1"), flush=True)
for _ in range(100):
    frames = router.recv_multipart()
    if len(frames) != 3 or frames[1] != b"":
        raise SystemExit("the request has the frames %r" % frames)
    router.send_multipart([frames[0], b"", b"re " + frames[2]])
]=]
    local port = tonumber(child:expect ".\n":match "port (%d+)")
    local request, replies = Client():connect_local(port):request { timeout = patience }
    for i = 1, 100 do
      request(tostring(i))
      assert.equal("re " .. i, replies())
    end
    assert.equal(0, child:wait().code, child.stderr)
  end)
end)

describe("a push with several addresses", function()
  -- All of `count` messages reach the pull at once, in order.
  local function assert_all_to(pull, push, count)
    local pusher = zeroless.spawn(function()
      for i = 1, count do push(tostring(i)) end
      return true
    end)
    for i = 1, count do
      local message = pull:recv(patience)
      if message ~= tostring(i) then assert.equal(tostring(i), message) end
    end
    assert.is_true(pusher:join(patience))
  end

  it("sends nothing to the one that is absent, and all to the one that is there", function()
    local server = Server { host = "127.0.0.1" }
    local pull = server:pull()
    local push = Client():connect_local(support.free_port()):connect_local(server.port):push()
    assert_all_to(pull, push, 3000)
  end)

  it("sends nothing to the one that is no pull, and all to the one that is", function()
    local wrong, server = Server { host = "127.0.0.1" }, Server { host = "127.0.0.1" }
    wrong:reply()
    local pull = server:pull()
    local push = Client():connect_local(wrong.port):connect_local(server.port):push()
    assert_all_to(pull, push, 3000)
    zeroless.sleep(moment)
    assert_all_to(pull, push, 3000)
    wrong:close()
  end)

  it("sends nothing more to the one that has left", function()
    local one, other = Server { host = "127.0.0.1" }, Server { host = "127.0.0.1" }
    local first, second = one:pull(), other:pull()
    local push = Client { timeout = 0.05 }:connect_local(one.port):connect_local(other.port):push()
    support.eventually(function()
      push "both"
      return first:try()
    end, "a message at the first")
    local port = one.port
    one:close()
    local from = 0
    support.eventually(function() -- until libzmq has noticed
      from = from + 1
      for i = 1, 4 do push(from .. "/" .. i) end
      local seen = 0
      repeat
        local message = second:recv(0.1)
        seen = seen + (message and message:find("^" .. from .. "/") and 1 or 0)
      until not message or seen == 4
      return seen == 4
    end, "all four at the second")
    assert_all_to(second, push, 3000)
    push:close()
    -- What libzmq still had for the one that left would be reported at the end.
    local back = Server({ host = "127.0.0.1", port = port }):pull()
    repeat local message = back:recv(1) until not message
    back:close()
    second:close()
  end)
end)

describe("a peer that dies and comes back", function()
  it("gets what was queued for it, and nothing is queued while it is away", function()
    local peer = raw_peer.listen "PULL"
    local port = peer.port
    local push = Client { hwm = 0 }:connect_local(port):push()
    for _ = 1, 64 do push(("x"):rep(1000000)) end
    push "the last in the queue"
    peer:close()
    support.eventually(function() return not push:try "into a gap" end, "the end of the connection")
    local _, pull = support.bind_again { host = "127.0.0.1", port = port }
    local count, message = 1, pull:recv(patience)
    while message and message ~= "the last in the queue" do
      count, message = count + 1, pull:recv(patience)
    end
    assert.equal("the last in the queue", message)
    assert.is_true(count > 16, count)
    support.eventually(function() return push:try "now" end, "the connection")
    repeat message = pull:recv(patience) until message ~= "into a gap"
    assert.equal("now", message)
  end)
end)
