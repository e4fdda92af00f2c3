-- SPDX-License-Identifier: MIT
-- pair: two peers, both ways.

local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local patience = support.patience

local function pairs_of(endpoint)
  local server = Server(endpoint and { endpoint = endpoint } or { host = "127.0.0.1" })
  local send_a, receive_a = server:pair()
  local client = Client():connect(server.endpoint)
  local send_b, receive_b = client:pair()
  return send_a, receive_a, send_b, receive_b, server
end

describe("pair", function()
  it("goes back and forth ten times, with one frame and with two", function()
    for _, endpoint in ipairs { false, support.inproc() } do
      local send_a, receive_a, send_b, receive_b = pairs_of(endpoint)
      for i = 1, 10 do
        assert.is_true(send_a("ping " .. i))
        assert.same({ "ping " .. i }, { receive_b:recv(patience) })
        assert.is_true(send_b("pong " .. i))
        assert.same({ "pong " .. i }, { receive_a:recv(patience) })
        send_b("id", "ping " .. i)
        assert.same({ "id", "ping " .. i }, { receive_a:recv(patience) })
        send_a("id", "pong " .. i)
        assert.same({ "id", "pong " .. i }, { receive_b:recv(patience) })
      end
    end
  end)

  it("asks for no turns", function()
    local send_a, receive_a, send_b, receive_b = pairs_of()
    for i = 1, 10 do
      send_a("a" .. i)
      send_b("b" .. i)
    end
    for i = 1, 10 do
      assert.equal("b" .. i, receive_a:recv(patience))
      assert.equal("a" .. i, receive_b:recv(patience))
    end
  end)

  it("sends and receives in tasks of their own", function()
    local send_a, receive_a, send_b, receive_b = pairs_of()
    local echo = zeroless.spawn(function()
      for msg in receive_b do send_b("re " .. msg) end
    end)
    local collector = zeroless.spawn(function()
      for i = 1, 1000 do
        local msg = receive_a()
        if msg ~= "re " .. i then return msg end
      end
      return "all"
    end)
    for i = 1, 1000 do send_a(tostring(i)) end
    assert.equal("all", collector:join(patience))
    receive_b:close()
    assert.is_nil(echo:join(patience))
  end)

  it("keeps its one peer when a second one comes", function()
    local send_a, receive_a, send_b, receive_b, server = pairs_of()
    send_b "first"
    assert.equal("first", receive_a:recv(patience))
    local intruder = Client { timeout = 0.2 }:connect_local(server.port):pair { immediate = true }
    intruder "let me in"
    send_a "to the first"
    assert.equal("to the first", receive_b:recv(patience))
    assert.same({ nil, "empty" }, { receive_a:try() })
    intruder:close()
  end)

  it("closes both of its ends at once", function()
    local send_a, receive_a, send_b = pairs_of()
    send_a:close()
    assert.same({ nil, "closed" }, { receive_a() })
    assert.same({ nil, "closed" }, { send_a "too late" })
    send_b:close()
  end)
end)
