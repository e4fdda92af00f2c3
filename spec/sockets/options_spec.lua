-- SPDX-License-Identifier: MIT
-- The options of Server{}, Client{} and the pattern calls: where they may stand, what they refuse, what
-- each of them does.

local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local refused, patience = support.refused, support.patience

-- How many messages go in before a send would have to wait, with nobody reading. Over inproc the room
-- is the sum of both queues.
local function room(push_options, pull_options)
  local server = Server { endpoint = support.inproc() }
  local pull = server:pull(pull_options)
  local push = Client():connect(server.endpoint):push(push_options)
  local count = 0
  while count < 5000 and push:try "x" do count = count + 1 end
  push:close()
  pull:close()
  return count
end

describe("an option", function()
  it("may stand at Server{}, Client{} or the pattern call, which goes before", function()
    local function filled(server_options, pattern_options)
      server_options.endpoint = support.inproc()
      local server = Server(server_options)
      local push = server:push(pattern_options)
      local pull = Client({ hwm = 1 }):connect(server.endpoint):pull()
      local count = 0
      while push:try "x" do count = count + 1 end
      pull:close()
      return count
    end
    assert.equal(6, filled({ hwm = 5 }))
    assert.equal(6, filled({}, { hwm = 5 }))
    assert.equal(4, filled({ hwm = 5 }, { hwm = 3 }))
  end)

  it("raises when it is unknown, with the nearest known one", function()
    local server, client = Server { host = "127.0.0.1" }, Client()
    local function text(given, nearest)
      return ("unknown option '%s'; did you mean '%s'?"):format(given, nearest)
    end
    assert.equal(text("prt", "port"), refused(function() Server({ prt = 5000 }) end))
    assert.equal(text("hots", "host"), refused(function() Server({ hots = "*" }) end))
    assert.equal(text("end_point", "endpoint"), refused(function() Server({ end_point = "inproc://a" }) end))
    assert.equal(text("timout", "timeout"), refused(function() Client({ timout = 1 }) end))
    assert.equal(text("hmw", "hwm"), refused(function() server:push({ hmw = 1 }) end))
    assert.equal(text("topcs", "topics"), refused(function() server:sub({ topcs = {} }) end))
    assert.equal(text("max_msg_size", "max_message_size"),
      refused(function() client:pull({ max_msg_size = 1 }) end))
    assert.equal(text("retry", "retries"), refused(function() client:request({ retry = 1 }) end))
    assert.equal(text("recieve_hwm", "receive_hwm"), refused(function() client:pull({ recieve_hwm = 1 }) end))
    assert.is_nil(server.port)
  end)

  it("raises where it does not belong", function()
    local function text(name, place)
      return ("option '%s' belongs to %s"):format(name, place)
    end
    assert.equal(text("port", "Server{}"), refused(function() Client({ port = 5000 }) end))
    assert.equal(text("port", "Server{}"), refused(function() Client():push({ port = 5000 }) end))
    assert.equal(text("topics", "the pattern: sub{...}"),
      refused(function() Server({ topics = { "a" } }) end))
    assert.equal(text("topic", "the pattern: pub{...}"), refused(function() Client({ topic = "a" }) end))
  end)

  it("raises when it belongs to another pattern", function()
    local client = Client()
    assert.equal("option 'topics' belongs to sub, not to pull",
      refused(function() client:pull({ topics = { "a" } }) end))
    assert.equal("option 'topic' belongs to pub, not to sub",
      refused(function() client:sub({ topic = "a" }) end))
    assert.equal("option 'retries' belongs to request, not to reply",
      refused(function() client:reply({ retries = 1 }) end))
    assert.equal("option 'lossless' belongs to pub, not to push",
      refused(function() client:push({ lossless = true }) end))
    local conflating = Client { conflate = true }
    assert.equal("option 'conflate' belongs to sub, not to pull", refused(function() conflating:pull() end))
    conflating:sub():close()
  end)

  it("raises when it has no name, or the table is none", function()
    assert.equal("options must have names, as in {hwm = 100}", refused(function() Server({ 5000 }) end))
    assert.equal("options must have names, as in {hwm = 100}", refused(function() Client():sub({ "a" }) end))
    assert.equal("options are a table, not a string", refused(function() Client():sub("a") end))
    assert.equal("options are a table, not a number", refused(function() Client(5000) end))
    assert.equal("options are a table, not a number", refused(function() Client():push(5) end))
  end)

  it("raises for a value of the wrong type or out of range, at once", function()
    local whole = "a whole number, 0 or more"
    local wrong = {
      hwm = { whole, -1, 1.5, "10", true, 0 / 0, math.huge },
      send_hwm = { whole, -1, 1.5, "10", true },
      receive_hwm = { whole, -1, 1.5, "10", true },
      timeout = { "a number of seconds, 0 or more", -1, "1", true, 0 / 0 },
      max_message_size = { "a whole number of bytes, 1 or more", 0, -1, 1.5, "1", true },
      immediate = { "true or false", 1, "true" },
      heartbeat = { "seconds between 0 and 6553", -1, "1", 6554, true },
      name = { "a string, not an empty one", "", 1, true },
      conflate = { "true or false", 1, "true" },
      lossless = { "true or false", 1, "true" },
    }
    for name, values in pairs(wrong) do
      for i = 2, table.maxn(values) do
        local options = { [name] = values[i] }
        local text = ("option '%s' must be %s"):format(name, values[1])
        assert.equal(text, refused(function() Server(options) end))
        assert.equal(text, refused(function() Client(options) end))
        local pattern = name == "lossless" and "pub" or "sub"
        local client = Client()
        assert.equal(text, refused(function() client[pattern](client, options) end))
      end
    end
  end)

  it("is taken as it was at the call", function()
    local options = { endpoint = support.inproc(), hwm = 5 }
    local server = Server(options)
    options.hwm, options.endpoint = 100, "inproc://other"
    local push = server:push()
    local pull = Client():connect(server.endpoint):pull { hwm = 1 }
    local count = 0
    while push:try "x" do count = count + 1 end
    assert.equal(6, count)
    pull:close()
  end)
end)

describe("hwm", function()
  it("bounds the queue, 1000 by default", function()
    assert.equal(5, room({ hwm = 2 }, { hwm = 3 }))
    assert.equal(2000, room())
  end)

  it("means no limit when it is 0", function()
    assert.equal(5000, room({ hwm = 0 }, { hwm = 0 }))
  end)

  it("may be given for each direction, whatever hwm says", function()
    assert.equal(5, room({ send_hwm = 2 }, { receive_hwm = 3 }))
    assert.equal(5, room({ hwm = 100, send_hwm = 2 }, { hwm = 100, receive_hwm = 3 }))
    assert.equal(1001, room({ receive_hwm = 5 }, { receive_hwm = 1 }))
    assert.equal(1001, room({ send_hwm = 1 }, { send_hwm = 5 }))
  end)
end)

describe("timeout", function()
  it("ends a send that must wait", function()
    local push = Server({ host = "127.0.0.1", timeout = 0.02 }):push()
    assert.same({ nil, "timeout" }, { push "nobody" })
    local other = Server({ host = "127.0.0.1" }):push { timeout = 0.02 }
    assert.same({ nil, "timeout" }, { other("nobody", "there") })
  end)

  it("may be 0", function()
    local push = Server({ host = "127.0.0.1" }):push { timeout = 0 }
    assert.same({ nil, "timeout" }, { push "nobody" })
  end)

  it("does not bound a receive", function()
    local pull = Server({ host = "127.0.0.1", timeout = 0.01 }):pull()
    local waiting = zeroless.spawn(function() return pull() end)
    assert.same({ nil, "timeout" }, { waiting:join(0.05) })
    pull:close()
    assert.same({ nil, "closed" }, { waiting:join(patience) })
  end)
end)

describe("max_message_size", function()
  it("is checked at the sender, for each frame", function()
    for _, transport in ipairs { "tcp", "inproc" } do
      local options = { max_message_size = 100 }
      local server = Server(transport == "tcp" and { host = "127.0.0.1" } or { endpoint = support.inproc() })
      local pull = server:pull(options)
      local push = Client():connect(server.endpoint):push(options)
      for _, size in ipairs { 99, 100 } do
        assert.is_true(push(("x"):rep(size)))
        assert.equal(("x"):rep(size), pull:recv(patience))
      end
      local text = "frame %d has 101 bytes, above max_message_size (100)"
      assert.equal(text:format(1), refused(function() push(("x"):rep(101)) end))
      assert.equal(text:format(2), refused(function() push("small", ("x"):rep(101)) end))
      assert.equal(text:format(3), refused(function() push:try("a", "b", ("x"):rep(101)) end))
      assert.is_true(push(("x"):rep(100), ("y"):rep(100)))
      assert.equal(200, #table.concat({ pull:recv(patience) }))
    end
  end)

  it("is 64 MiB by default", function()
    local server = Server { host = "127.0.0.1" }
    local pull = server:pull()
    local push = Client():connect_local(server.port):push()
    local most = 64 * 2 ^ 20
    local text = refused(function() push(("x"):rep(most + 1)) end)
    assert.equal("frame 1 has 67108865 bytes, above max_message_size (67108864)", text)
    push(("x"):rep(most))
    assert.equal(most, #pull:recv(patience))
  end)

  it("is enforced by the receiver too: a larger message never comes, later ones do", function()
    local server = Server { host = "127.0.0.1" }
    local pull = server:pull { max_message_size = 100 }
    local push = Client():connect_local(server.port):push { max_message_size = 1000 }
    for _, size in ipairs { 99, 100 } do
      push(("x"):rep(size))
      assert.equal(size, #pull:recv(patience))
    end
    push(("x"):rep(101))
    push("small", ("x"):rep(101))
    push "small"
    assert.equal("small", pull:recv(patience))
    assert.same({ nil, "empty" }, { pull:try() })
  end)
end)

describe("immediate", function()
  it("sends nothing to a server that is not there, like every push", function()
    local port = support.free_port()
    for _, immediate in ipairs { true, false } do
      local push = Client():connect_local(port):push { immediate = immediate, timeout = 0.02 }
      assert.same({ nil, "full" }, { push:try "not queued" })
      assert.same({ nil, "timeout" }, { push "not queued" })
      local server = Server { host = "127.0.0.1", port = port }
      local pull = server:pull()
      support.eventually(function() return push:try "now" end, "the connection")
      assert.equal("now", pull:recv(patience))
      push:close()
      server:close()
    end
  end)

  it("keeps nothing for a server that has left; without it, what was sent goes out when it is back", function()
    for _, immediate in ipairs { true, false } do
      local server = Server { host = "127.0.0.1", hwm = 1 }
      local pull = server:pull()
      local push = Client { hwm = 0 }:connect_local(server.port):push { immediate = immediate }
      push "first"
      assert.equal("first", pull:recv(patience))
      for _ = 1, 200 do push(("x"):rep(100000)) end
      push "the last"
      local port = server.port
      server:close()
      support.eventually(function() return not push:try "into a gap" end, "the end of the connection")
      local again
      again, pull = support.bind_again { host = "127.0.0.1", port = port }
      support.eventually(function() return push:try "now" end, "the connection")
      local seen, message = {}, pull:recv(patience)
      while message and message ~= "now" do
        seen[message] = true
        message = pull:recv(patience)
      end
      assert.equal("now", message)
      assert.equal(not immediate or nil, seen["the last"])
      push:close()
      again:close()
    end
  end)
end)

describe("name", function()
  it("is taken by every pattern and changes nothing on the wire", function()
    local server = Server { host = "127.0.0.1", name = "the work" }
    local pull = server:pull()
    local push = Client():connect_local(server.port):push { name = "a worker" }
    push "hello"
    assert.equal("hello", pull:recv(patience))
  end)
end)
