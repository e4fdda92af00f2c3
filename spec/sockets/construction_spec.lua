-- SPDX-License-Identifier: MIT
-- Options are given at construction and at no other time: libzmq would take later ones and do nothing
-- (docs/hazards.md, row 15). So there is nothing on the objects that sets one.

local support = require "spec.support"
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client

local options = {
  "hwm", "send_hwm", "receive_hwm", "timeout", "max_message_size", "immediate", "conflate", "lossless",
  "heartbeat", "name", "curve", "topic", "topics", "embed_topic", "exact", "retries", "port", "host", "endpoint",
  "linger", "identity",
}

describe("no option can be set later", function()
  local objects, server, client

  before_each(function()
    local endpoint = support.inproc()
    server, client = Server { endpoint = endpoint }, Client():connect(endpoint)
    local answer, requests = server:reply()
    local ask, replies = client:request()
    objects = { server = server, client = client, sender = ask, receiver = replies, answer, requests,
      unbound = Server(), unconnected = Client() }
  end)

  after_each(function()
    server:close()
    client:close()
  end)

  it("by assignment", function()
    for name, object in pairs(objects) do
      for _, option in ipairs(options) do
        assert.is_false(pcall(function() object[option] = 1 end), name .. "." .. option)
      end
    end
  end)

  it("by a method: there is none with such a name", function()
    local own = { port = true, endpoint = true }
    for name, object in pairs(objects) do
      for _, option in ipairs(options) do
        if not own[option] then assert.is_nil(object[option], name .. "." .. option) end
        assert.is_nil(object["set_" .. option], name .. ".set_" .. option)
      end
      for _, method in ipairs { "set", "setopt", "set_option", "setsockopt", "subscribe", "bind", "options" } do
        assert.is_nil(object[method], name .. "." .. method)
      end
    end
  end)

  it("by making the pattern again", function()
    for _, object in ipairs { server, client } do
      for _, pattern in ipairs { "push", "pull", "pub", "sub", "request", "reply", "pair" } do
        local ok, err = pcall(object[pattern], object, { hwm = 1 })
        assert.is_false(ok)
        assert.matches("already has a pattern", err)
      end
    end
  end)

  it("by changing the table that was given", function()
    local given = { endpoint = support.inproc(), hwm = 1 }
    local held = Server(given)
    given.hwm, given.endpoint = "nonsense", support.inproc()
    local push = held:push()
    assert.not_equal(given.endpoint, held.endpoint)
    assert.same({ nil, "full" }, { push:try "nobody is there" })
    held:close()
  end)

  it("and options in the wrong place are not ignored", function()
    assert.has_error(function() zeroless.Server { no_such_option = 1 } end)
    assert.has_error(function() zeroless.Client { topics = {} } end)
    local unbound = Server()
    assert.has_error(function() unbound:push { conflate = true } end)
    assert.has_error(function() unbound:pull { port = 12345 } end)
  end)
end)
