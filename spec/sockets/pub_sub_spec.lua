-- SPDX-License-Identifier: MIT
-- pub and sub: topics, embedded and not, exact matches, the count of subscriptions.

local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local refused, patience = support.refused, support.patience

-- A publisher and its subscriber, connected.
local function broadcast(pub_options, sub_options)
  local server = Server { host = "127.0.0.1" }
  local pub = server:pub(pub_options)
  local sub = Client():connect_local(server.port):sub(sub_options)
  assert(pub:wait_subscribers(#(sub_options and sub_options.topics or { "" }), patience))
  return pub, sub, server
end

describe("pub and sub", function()
  it("carry ten messages in a row, of one frame and of two", function()
    local pub, sub = broadcast()
    for i = 1, 10 do
      assert.is_true(pub("news " .. i))
      assert.is_true(pub("id", "news " .. i))
    end
    for i = 1, 10 do
      assert.same({ "news " .. i }, { sub:recv(patience) })
      assert.same({ "id", "news " .. i }, { sub:recv(patience) })
    end
  end)

  it("reach every subscriber", function()
    local server = Server { host = "127.0.0.1" }
    local pub = server:pub()
    local subs = {}
    for i = 1, 5 do subs[i] = Client():connect_local(server.port):sub() end
    assert.is_true(pub:wait_subscribers(5, patience))
    pub "to all"
    for i = 1, 5 do assert.equal("to all", subs[i]:recv(patience)) end
  end)

  it("hear several publishers over one subscriber", function()
    local servers, pubs = {}, {}
    local client = Client()
    for i = 1, 3 do
      servers[i] = Server { host = "127.0.0.1" }
      pubs[i] = servers[i]:pub()
      client:connect_local(servers[i].port)
    end
    local sub = client:sub()
    local heard = {}
    for i = 1, 3 do
      assert.is_true(pubs[i]:wait_subscribers(1, patience))
      pubs[i](tostring(i))
      heard[i] = sub:recv(patience)
    end
    assert.same({ "1", "2", "3" }, heard)
  end)

  it("lose nothing with the subscriber bound, though it never asked", function()
    local server = Server { host = "127.0.0.1" }
    local sub = server:sub()
    local pub = Client():connect_local(server.port):pub()
    assert.is_true(pub:wait_subscribers(1, patience))
    for i = 1, 100 do pub(tostring(i)) end
    for i = 1, 100 do assert.equal(tostring(i), sub:recv(patience)) end
  end)
end)

describe("pub{topic}", function()
  it("sends what begins with its topic", function()
    local pub, sub = broadcast({ topic = "topic1" }, { topics = { "topic1" } })
    assert.is_true(pub "topic1 msg")
    assert.equal("topic1 msg", sub:recv(patience))
    assert.is_true(pub("topic1", "msg"))
    assert.same({ "topic1", "msg" }, { sub:recv(patience) })
  end)

  it("raises for what does not, and sends nothing", function()
    local pub, sub = broadcast({ topic = "topic1" })
    assert.equal('the first frame must begin with the topic "topic1", not with "msg"; '
      .. "embed_topic = true prepends it", refused(function() pub "msg" end))
    assert.matches("must begin with the topic", refused(function() pub("msg", "topic1") end))
    assert.matches("must begin with the topic", refused(function() pub:try "topic" end))
    assert.matches("must begin with the topic", refused(function() pub "" end))
    pub "topic1"
    assert.equal("topic1", sub:recv(patience))
    assert.same({ nil, "empty" }, { sub:try() })
  end)

  it("defaults to the empty topic, which everything begins with", function()
    local pub, sub = broadcast({})
    assert.is_true(pub "")
    assert.equal("", sub:recv(patience))
    assert.is_true(pub "anything")
    assert.equal("anything", sub:recv(patience))
  end)

  it("raises for a topic that is no string", function()
    local server = Server { host = "127.0.0.1" }
    assert.equal("option 'topic' must be a string, not a number",
      refused(function() server:pub { topic = 1 } end))
    assert.equal("option 'topic' must be a string, not a table",
      refused(function() server:pub { topic = {} } end))
    assert.is_nil(server.port)
  end)

  it("may hold any byte", function()
    local topic = "a\0b\255"
    local pub, sub = broadcast({ topic = topic }, { topics = { topic } })
    pub(topic .. "\0tail")
    assert.equal(topic .. "\0tail", sub:recv(patience))
    assert.is_false(pcall(pub, "a\0c"))
  end)
end)

describe("pub{topic, embed_topic}", function()
  it("sends the topic as a first frame of its own", function()
    local pub, sub = broadcast({ topic = "sh", embed_topic = true }, { topics = { "sh" } })
    for i = 1, 10 do
      assert.is_true(pub("Msg" .. i))
      assert.same({ "sh", "Msg" .. i }, { sub:recv(patience) })
    end
    assert.is_true(pub("a", "b"))
    assert.same({ "sh", "a", "b" }, { sub:recv(patience) })
    assert.is_true(pub:try "tried")
    assert.same({ "sh", "tried" }, { sub:recv(patience) })
  end)

  it("sends an empty topic too", function()
    local pub, sub = broadcast({ embed_topic = true })
    for i = 1, 10 do
      pub("msg" .. i)
      assert.same({ "", "msg" .. i }, { sub:recv(patience) })
    end
  end)

  it("does not end a loop with its empty topic", function()
    local pub, sub = broadcast({ topic = "", embed_topic = true })
    for i = 1, 3 do pub(tostring(i)) end
    local seen = {}
    for topic, msg in sub do
      assert.equal("", topic)
      seen[#seen + 1] = msg
      if #seen == 3 then break end
    end
    assert.same({ "1", "2", "3" }, seen)
  end)

  it("raises for what is no boolean", function()
    local client = Client()
    assert.equal("option 'embed_topic' must be true or false",
      refused(function() client:pub { embed_topic = 1 } end))
  end)
end)

describe("sub{topics}", function()
  it("takes what begins with one of its topics", function()
    local pub, sub = broadcast({}, { topics = { "sh", "bo" } })
    for _, msg in ipairs { "sh", "nope", "she", "s", "bo", "b", "book", "" } do pub(msg) end
    for _, msg in ipairs { "sh", "she", "bo", "book" } do assert.equal(msg, sub:recv(patience)) end
    pub "sh end"
    assert.equal("sh end", sub:recv(patience))
  end)

  it("matches the first frame alone", function()
    local pub, sub = broadcast({}, { topics = { "sh" } })
    pub("no", "sh")
    pub("sh", "no")
    assert.same({ "sh", "no" }, { sub:recv(patience) })
  end)

  it("takes everything without topics", function()
    local pub, sub = broadcast()
    pub "whatever"
    assert.equal("whatever", sub:recv(patience))
  end)

  it("raises for an empty list", function()
    local client = Client()
    assert.equal("option 'topics' is empty, so nothing would be received; omit it to receive everything",
      refused(function() client:sub { topics = {} } end))
  end)

  it("raises for topics that are no strings, or no list", function()
    local client = Client()
    assert.equal("option 'topics' must contain only strings, element 2 is a number",
      refused(function() client:sub { topics = { "a", 2 } } end))
    assert.equal("option 'topics' must contain only strings, element 1 is a boolean",
      refused(function() client:sub { topics = { true } } end))
    assert.equal("option 'topics' must be a table of strings",
      refused(function() client:sub { topics = "sh" } end))
    local sub = client:sub()
    sub:close()
  end)

  it("compares the first frame whole with exact", function()
    local pub, sub = broadcast({}, { topics = { "sh", "a\0" }, exact = true })
    for _, msg in ipairs { "she", "sh", "s", "shsh", "a\0b", "a\0" } do pub(msg) end
    pub("sh", "she")
    pub("she", "sh")
    assert.equal("sh", sub:recv(patience))
    assert.equal("a\0", sub:recv(patience))
    assert.same({ "sh", "she" }, { sub:recv(patience) })
    pub "sh"
    assert.same({ "sh" }, { sub:recv(patience) })
  end)

  it("takes topics up to 245 bytes and refuses longer ones, of which libzmq may match none", function()
    local function topic_of(length)
      return length == 0 and "" or string.char(length) .. ("t"):rep(length - 1)
    end
    local server = Server { host = "127.0.0.1" }
    local pub = server:pub()
    local subs = {}
    for length = 0, 300 do
      local client = Client():connect_local(server.port)
      if length <= 245 then
        subs[length] = client:sub { topics = { topic_of(length) } }
      else
        assert.equal(
          ("a topic of %d bytes is too long: above 245 bytes libzmq may not match it"):format(length),
          refused(function() client:sub { topics = { ("t"):rep(length) } } end))
        assert.is_false(pcall(client.pub, client, { topic = ("t"):rep(length) }))
      end
    end
    assert.is_true(pub:wait_subscribers(246, patience))
    for length = 1, 245 do pub(topic_of(length)) end
    for length = 1, 245 do
      assert.equal(topic_of(length), subs[0]:recv(patience))
      assert.equal(topic_of(length), subs[length]:recv(patience))
      assert.same({ nil, "empty" }, { subs[length]:try() })
    end
  end)
end)

describe("pub.subscribers", function()
  it("counts the subscriptions that peers hold now", function()
    local server = Server { host = "127.0.0.1" }
    local pub = server:pub()
    assert.equal(0, pub.subscribers)
    local one = Client():connect_local(server.port):sub { topics = { "a", "b" } }
    assert.is_true(pub:wait_subscribers(2, patience))
    assert.equal(2, pub.subscribers)
    local two = Client():connect_local(server.port):sub { topics = { "a" } }
    assert.is_true(pub:wait_subscribers(3, patience))
    one:close()
    support.eventually(function() return pub.subscribers == 1 end, "the end of one")
    two:close()
    support.eventually(function() return pub.subscribers == 0 end, "the end of two")
  end)

  it("is nil for what is no pub, and 0 once closed", function()
    local server = Server { host = "127.0.0.1" }
    assert.is_nil(server:push().subscribers)
    local pub = broadcast()
    assert.equal(1, pub.subscribers)
    pub:close()
    assert.equal(0, pub.subscribers)
  end)
end)

describe("pub:wait_subscribers()", function()
  it("returns at once when there are enough", function()
    local pub = broadcast()
    assert.is_true(pub:wait_subscribers(1))
    assert.is_true(pub:wait_subscribers(0))
  end)

  it("returns nil and timeout when they do not come", function()
    local pub = Server({ host = "127.0.0.1" }):pub()
    assert.same({ nil, "timeout" }, { pub:wait_subscribers(1, 0.02) })
    assert.same({ nil, "timeout" }, { pub:wait_subscribers(1, 0) })
  end)

  it("returns nil and closed when the pub is closed meanwhile", function()
    local pub = Server({ host = "127.0.0.1" }):pub()
    local waiting = zeroless.spawn(function() return pub:wait_subscribers(1) end)
    zeroless.sleep(0)
    pub:close()
    assert.same({ nil, "closed" }, { waiting:join(patience) })
    assert.same({ nil, "closed" }, { pub:wait_subscribers(1) })
  end)

  it("makes the first message come to a slow joiner", function()
    for _ = 1, 20 do
      local pub, sub = broadcast({ topic = "sh", embed_topic = true }, { topics = { "sh" } })
      pub "first"
      assert.same({ "sh", "first" }, { sub:recv(patience) })
    end
  end)

  it("raises for other patterns and wrong arguments", function()
    local push = Client():push()
    assert.equal("only a pub has subscribers", refused(function() push:wait_subscribers(1) end))
    local pub = Client():pub()
    assert.equal("the number of subscribers to wait for must be a number",
      refused(function() pub:wait_subscribers() end))
    assert.matches("timeout must be a number of seconds",
      refused(function() pub:wait_subscribers(1, "1") end))
    assert.matches("bad self", refused(function() pub.wait_subscribers(1) end))
    assert.matches("bad self", refused(function() pub.wait_subscribers() end))
    assert.matches("bad self", refused(function() pub.wait_subscribers(io.stdout, 1) end))
  end)
end)

describe("a pub", function()
  it("never waits: without subscribers what it sends is dropped", function()
    local pub = Server({ host = "127.0.0.1" }):pub()
    for i = 1, 5000 do assert.is_true(pub(tostring(i))) end
    assert.is_true(pub:try "more")
  end)

  it("never waits for a slow subscriber, which misses some", function()
    local server = Server { endpoint = support.inproc() }
    local pub = server:pub { hwm = 10 }
    local sub = Client():connect(server.endpoint):sub { hwm = 10 }
    assert.is_true(pub:wait_subscribers(1, patience))
    for i = 1, 1000 do assert.is_true(pub(tostring(i))) end
    local got = 0
    while sub:try() do got = got + 1 end
    assert.is_true(got >= 10 and got < 1000)
  end)
end)

describe("a sub that is disconnected when libzmq has begun to hand out a message (hazard 42)", function()
  it("gets that message whole, and the process goes on", function()
    local child = support.start { support.host, support.file [[
local zeroless = require "zeroless"
local port = tonumber(arg[1])
local pub = zeroless.Server { host = "127.0.0.1", port = port }:pub()
local client = zeroless.Client():connect_local(port)
local sub = client:sub()
while not sub:try() do pub("a", "b", "c") zeroless.sleep(0.01) end
for i = 1, 5 do pub("x", tostring(i), "y") end
zeroless.sleep(0.1)
sub:try() -- the socket is polled before the next sleep
zeroless.sleep(0.1)
client:disconnect_local(port)
repeat
  local first, second, third = sub:try()
  assert(first == nil or first == "x" and third == "y" or first == "a" and third == "c", second)
until not first
print "over"]], support.free_port() }
    child:wait()
    assert.equal(0, child.code, child.stderr)
    assert.equal("over\n", child.stdout)
  end)
end)
