-- SPDX-License-Identifier: MIT
-- Client: addresses that come and go before and after its pattern is made.

local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local refused = support.refused

-- A pull server on a free port: its receiver and its port.
local function pull_server()
  local server = Server { host = "127.0.0.1" }
  return server:pull(), server.port
end

local out_of_range = "Port %d is invalid, choose one between 1024 and 65535"

describe("client:connect()", function()
  it("remembers its addresses in order", function()
    local client = Client()
    client:connect_local(12345)
    client:connect("10.0.0.1", 1567)
    client:connect_local { port = 12346 }
    assert.same({
      { host = "127.0.0.1", port = 12345 },
      { host = "10.0.0.1", port = 1567 },
      { host = "127.0.0.1", port = 12346 },
    }, client.addresses)
  end)

  it("returns the client, so calls chain", function()
    local client = Client()
    assert.equal(client, client:connect_local(5001))
    assert.equal(client, client:connect("10.0.0.1", 5002):connect("inproc://chain"):connect_local(5003))
    assert.equal(client, client:disconnect("10.0.0.1", 5002):disconnect_local(5001))
    assert.equal(client, client:disconnect_all())
    assert.same({}, client.addresses)
  end)

  it("takes whole endpoints", function()
    local client = Client():connect("ipc:///run/w.sock"):connect("inproc://w"):connect("tcp://10.0.0.1:1567")
    assert.same({
      { endpoint = "ipc:///run/w.sock" }, { endpoint = "inproc://w" }, { host = "10.0.0.1", port = 1567 },
    }, client.addresses)
  end)

  it("gives a fresh array of addresses each time", function()
    local client = Client():connect_local(5001)
    client.addresses[1].port = 1
    client.addresses[2] = "more"
    assert.same({ { host = "127.0.0.1", port = 5001 } }, client.addresses)
  end)

  it("takes the ports 1024, 7000 and 65535", function()
    for _, port in ipairs { 1024, 7000, 65535 } do
      assert.equal(port, Client():connect_local(port).addresses[1].port)
      assert.equal(port, Client():connect("10.0.0.1", port).addresses[1].port)
    end
  end)

  it("raises for the ports 1023 and 65536 and keeps no address", function()
    local client = Client()
    for _, port in ipairs { 1023, 65536, 0, -1 } do
      assert.equal(out_of_range:format(port), refused(function() client:connect_local(port) end))
      assert.equal(out_of_range:format(port), refused(function() client:connect("10.0.0.1", port) end))
    end
    assert.equal(out_of_range:format(1023), refused(function() client:connect_local { port = 1023 } end))
    assert.same({}, client.addresses)
  end)

  it("raises for a port that is no integer", function()
    local client = Client()
    assert.matches("^Port 5000.5 is invalid", refused(function() client:connect_local(5000.5) end))
    assert.matches('^Port "5000" is invalid', refused(function() client:connect_local("5000") end))
    assert.matches('^Port "5000" is invalid', refused(function() client:connect("10.0.0.1", "5000") end))
    assert.matches("port is missing", refused(function() client:connect_local() end))
    assert.matches("port is missing", refused(function() client:connect("10.0.0.1") end))
  end)

  it("looks at the port before anything else", function()
    local client = Client()
    assert.equal(out_of_range:format(1023), refused(function() client:connect("a b", 1023) end))
    assert.equal(out_of_range:format(1023), refused(function() client:disconnect("a b", 1023) end))
    assert.equal(out_of_range:format(1023), refused(function() client:connect(nil, 1023) end))
  end)

  it("takes a bare host name", function()
    local client = Client():connect("localhost", 5001):connect("worker-1.example_net.test", 5002)
    assert.equal("worker-1.example_net.test", client.addresses[2].host)
  end)

  it("raises for a name that is none", function()
    local client = Client()
    assert.matches("cannot contain spaces", refused(function() client:connect("a b", 5000) end))
    assert.matches("empty", refused(function() client:connect("", 5000) end))
    assert.matches("a host must be a string, not a nil", refused(function() client:connect(nil, 5000) end))
    assert.matches("a host must be a string, not a boolean", refused(function() client:connect(true, 5000) end))
    assert.matches("for servers", refused(function() client:connect("*", 5000) end))
    assert.matches("unknown scheme", refused(function() client:connect("http://example.org:8000") end))
    assert.matches("is invalid", refused(function() client:connect("tcp://10.0.0.1", 5000) end))
    assert.matches("is invalid", refused(function() client:connect("a\0b", 5000) end))
    assert.matches("four numbers", refused(function() client:connect("10.0.0.256", 5000) end))
    assert.same({}, client.addresses)
  end)

  it("raises for a second connection to the same place", function()
    local client = Client():connect("10.0.0.1", 1567):connect("inproc://same")
    assert.equal("Already connected to 10.0.0.1 on port 1567",
      refused(function() client:connect("10.0.0.1", 1567) end))
    assert.equal("Already connected to 10.0.0.1 on port 1567",
      refused(function() client:connect("tcp://10.0.0.1:1567") end))
    assert.equal("Already connected to inproc://same",
      refused(function() client:connect("inproc://same") end))
    assert.equal(2, #client.addresses)
  end)

  it("raises for it after the pattern was made too", function()
    local _, port = pull_server()
    local client = Client():connect_local(port)
    local push = client:push()
    assert.equal("Already connected to 127.0.0.1 on port " .. port,
      refused(function() client:connect_local(port) end))
    assert.equal(1, #client.addresses)
    push:close()
  end)

  it("reaches every server, whether called before or after the pattern is made", function()
    local receivers, ports = {}, {}
    for i = 1, 3 do receivers[i], ports[i] = pull_server() end
    local client = Client():connect_local(ports[1]):connect_local(ports[2])
    local push = client:push()
    client:connect_local(ports[3])
    local took = { false, false, false }
    support.eventually(function()
      push "anyone"
      for i, pull in ipairs(receivers) do took[i] = took[i] or pull:try() == "anyone" end
      return took[1] and took[2] and took[3]
    end, "a message at each server")
    assert.equal(3, #client.addresses)
    push:close()
  end)
end)

describe("client:disconnect()", function()
  it("forgets an address before the pattern is made", function()
    local client = Client():connect_local(5001):connect("10.0.0.1", 5002):connect("inproc://gone")
    client:disconnect("10.0.0.1", 5002):disconnect("inproc://gone")
    assert.same({ { host = "127.0.0.1", port = 5001 } }, client.addresses)
    client:disconnect_local { port = 5001 }
    assert.same({}, client.addresses)
  end)

  it("raises for what is not connected", function()
    local client = Client():connect_local(5001)
    assert.equal("There was no connection to 10.0.0.1 on port 1567",
      refused(function() client:disconnect("10.0.0.1", 1567) end))
    assert.equal("There was no connection to 127.0.0.1 on port 5002",
      refused(function() client:disconnect_local(5002) end))
    assert.equal("There was no connection to inproc://nobody",
      refused(function() client:disconnect("inproc://nobody") end))
    client:disconnect_local(5001)
    assert.equal("There was no connection to 127.0.0.1 on port 5001",
      refused(function() client:disconnect_local(5001) end))
  end)

  it("raises for the ports 1023 and 65536", function()
    local client = Client():connect_local(1024)
    for _, port in ipairs { 1023, 65536 } do
      assert.equal(out_of_range:format(port), refused(function() client:disconnect_local(port) end))
      assert.equal(out_of_range:format(port), refused(function() client:disconnect("10.0.0.1", port) end))
    end
    assert.equal(1, #client.addresses)
  end)

  it("takes back a connection after the pattern was made", function()
    local one, one_port = pull_server()
    local other, other_port = pull_server()
    local client = Client():connect_local(one_port)
    local push = client:push()
    push "to one"
    assert.equal("to one", one:recv(support.patience))
    client:disconnect_local(one_port):connect_local(other_port)
    for i = 1, 10 do push("to the other " .. i) end
    for i = 1, 10 do assert.equal("to the other " .. i, other:recv(support.patience)) end
    assert.same({ nil, "empty" }, { one:try() })
    push:close()
  end)

  it("takes back an inproc connection whose server is closed", function()
    local server = Server { endpoint = support.inproc() }
    local pull = server:pull()
    local client = Client():connect(server.endpoint)
    local push = client:push()
    push "hello"
    assert.equal("hello", pull:recv(support.patience))
    server:close()
    support.eventually(function() return push:try "x" == nil end, "the end of the connection")
    client:disconnect(server.endpoint)
    assert.same({}, client.addresses)
    push:close()
  end)
end)

describe("client:disconnect_all()", function()
  it("forgets every address, and connecting again works", function()
    local client = Client():connect_local(5001):connect_local(5002):connect("inproc://third")
    client:disconnect_all()
    assert.same({}, client.addresses)
    client:connect_local(5001)
    assert.same({ { host = "127.0.0.1", port = 5001 } }, client.addresses)
  end)

  it("is fine with no address at all", function()
    assert.same({}, Client():disconnect_all().addresses)
  end)

  it("works after the pattern was made, and connecting again too", function()
    local pull, port = pull_server()
    local client = Client():connect_local(port)
    local push = client:push { immediate = true }
    client:disconnect_all()
    assert.same({}, client.addresses)
    support.eventually(function() return push:try "late" == nil end, "the end of the connection")
    client:connect_local(port)
    push "again"
    local msg
    repeat msg = pull:recv(support.patience) until msg ~= "late"
    assert.equal("again", msg)
    push:close()
  end)
end)

describe("a pattern on a client", function()
  it("is made once: a second one raises and names the first", function()
    local client = Client()
    local push = client:push()
    local text = refused(function() client:pull() end)
    assert.matches("client already has a pattern (push)", text, 1, true)
    push:close()
  end)

  it("may be made before there is an address", function()
    local pull, port = pull_server()
    local client = Client()
    local push = client:push()
    assert.same({ nil, "full" }, { push:try "nobody" })
    client:connect_local(port)
    push "somebody"
    assert.equal("somebody", pull:recv(support.patience))
  end)

  it("takes no second address for a pair", function()
    local text = "A client cannot connect more than once in the PAIR pattern"
    local client = Client():connect_local(5001):connect_local(5002)
    assert.equal(text, refused(function() client:pair() end))
    client:disconnect_local(5002)
    local one = client:pair()
    assert.equal(text, refused(function() client:connect_local(5003) end))
    assert.same({ { host = "127.0.0.1", port = 5001 } }, client.addresses)
    client:disconnect_local(5001):connect_local(5003)
    assert.same({ { host = "127.0.0.1", port = 5003 } }, client.addresses)
    one:close()
  end)

  it("can be another when one was refused", function()
    local client = Client():connect_local(5001):connect_local(5002)
    refused(function() client:pair() end)
    local push = client:push()
    assert.equal(2, #client.addresses)
    push:close()
  end)
end)

describe("client:close()", function()
  it("closes what it made, and twice is fine", function()
    local client = Client():connect_local(5001)
    local pull = client:pull()
    client:close()
    client:close()
    assert.same({ nil, "closed" }, { pull() })
    assert.equal("the client is closed", refused(function() client:connect_local(5002) end))
    assert.equal("the client is closed", refused(function() client:push() end))
  end)

  it("raises for an address after its sender was closed", function()
    local client = Client():connect_local(5001)
    client:push():close()
    assert.equal("the client's push is closed", refused(function() client:connect_local(5002) end))
    assert.equal(1, #client.addresses)
  end)
end)

describe("a client", function()
  it("tells what it is", function()
    local client = Client()
    assert.equal("client of 0 addresses (no pattern yet)", tostring(client))
    client:connect_local(5001)
    assert.equal("client of 1 address (no pattern yet)", tostring(client))
    local push = client:push()
    assert.equal("client of 1 address (push)", tostring(client))
    push:close()
  end)

  it("has methods that refuse another self", function()
    assert.matches("bad argument #1", refused(function() Client().connect("10.0.0.1", 5000) end))
    assert.matches("bad argument #1", refused(function() Client().push() end))
  end)
end)
