-- SPDX-License-Identifier: MIT
-- Server: what it takes, what it refuses, what it tells about its address, and how it closes.

local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local refused = support.refused
local patterns = { "push", "pull", "pub", "sub", "request", "reply", "pair" }

local function local_server(options)
  options = options or {}
  options.host = "127.0.0.1"
  return Server(options)
end

local function out_of_range(port)
  return ("Port %s is invalid, choose one between 1024 and 65535"):format(port)
end

describe("Server()", function()
  it("takes the ports 1024, 7000 and 65535", function()
    for _, port in ipairs { 1024, 7000, 65535 } do
      assert.equal(port, Server(port).port)
      assert.equal(port, Server({ port = port }).port)
    end
  end)

  it("raises for the ports 1023 and 65536", function()
    assert.equal(out_of_range(1023), refused(function() Server(1023) end))
    assert.equal(out_of_range(65536), refused(function() Server(65536) end))
    assert.equal(out_of_range(1023), refused(function() Server({ port = 1023 }) end))
    assert.equal(out_of_range(65536), refused(function() Server({ port = 65536 }) end))
  end)

  it("raises for 0, negative, infinite and broken numbers", function()
    assert.equal(out_of_range(0), refused(function() Server(0) end))
    assert.equal(out_of_range(0), refused(function() Server({ port = 0 }) end))
    assert.equal(out_of_range(-1), refused(function() Server(-1) end))
    assert.equal(out_of_range(5000.5), refused(function() Server(5000.5) end))
    assert.equal(out_of_range "inf", refused(function() Server(math.huge) end))
    assert.matches("^Port %-?nan is invalid", refused(function() Server(0 / 0) end))
  end)

  it("raises for what is no number", function()
    assert.matches('^Port "12345" is invalid', refused(function() Server("12345") end))
    assert.matches('^Port "12345" is invalid', refused(function() Server({ port = "12345" }) end))
    assert.equal(out_of_range "boolean", refused(function() Server(true) end))
    assert.equal(out_of_range "function", refused(function() Server(print) end))
    assert.equal(out_of_range "userdata", refused(function() Server(io.stdout) end))
    assert.equal(out_of_range "table", refused(function() Server({ port = {} }) end))
  end)

  it("raises for a host that is none", function()
    assert.matches("host must be a string, not a number", refused(function() Server({ host = 1 }) end))
    assert.matches("empty", refused(function() Server({ host = "" }) end))
    assert.matches("cannot contain spaces", refused(function() Server({ host = "a b" }) end))
    assert.matches("is invalid", refused(function() Server({ host = "tcp://127.0.0.1" }) end))
  end)

  it("raises for an endpoint that is none", function()
    local function message(endpoint)
      return refused(function() Server({ endpoint = endpoint }) end)
    end
    assert.matches("endpoint must be a string", message(7))
    assert.matches("no scheme", message "127.0.0.1")
    assert.matches("unknown scheme", message "udp://127.0.0.1:5000")
    assert.matches("unknown scheme", message "pgm://127.0.0.1:5000")
    assert.matches("empty", message "inproc://")
    assert.matches("empty", message "ipc://")
    assert.matches("reserves", message "inproc://zeromq.zap.01")
    for _, port in ipairs { "99999", "-1", "12x", "65536", "", " 5000", "0x50" } do
      assert.matches("is invalid", message("tcp://127.0.0.1:" .. port))
    end
  end)

  it("raises for an endpoint beside a host or a port", function()
    local text = "give endpoint, or host and port, not both"
    assert.equal(text, refused(function() Server({ endpoint = "inproc://a", port = 5000 }) end))
    assert.equal(text, refused(function() Server({ endpoint = "inproc://a", host = "*" }) end))
  end)

  it("binds nothing before its pattern is made", function()
    local one = local_server()
    one:pull()
    local other = Server { host = "127.0.0.1", port = one.port }
    assert.equal(one.port, other.port)
    assert.is_nil(other.endpoint)
  end)
end)

describe("server.port", function()
  it("is what was given", function()
    assert.equal(12345, Server(12345).port)
    assert.equal(12345, Server({ port = 12345, host = "127.0.0.1" }).port)
    assert.equal(12345, Server({ endpoint = "tcp://127.0.0.1:12345" }).port)
  end)

  it("is nil for a free one until the pattern is made, then an integer", function()
    local by_endpoint = Server { endpoint = "tcp://127.0.0.1:*" }
    for _, server in ipairs { Server(), Server {}, local_server(), by_endpoint } do
      assert.is_nil(server.port)
      server:pull()
      assert.is_number(server.port)
      assert.equal(server.port, math.floor(server.port))
      assert.is_true(server.port >= 1024 and server.port <= 65535)
      server:close()
    end
  end)

  it("is nil for what has no port", function()
    local server = Server { endpoint = support.inproc() }
    server:pull()
    assert.is_nil(server.port)
  end)
end)

describe("server.endpoint", function()
  it("is the endpoint really bound, nil before", function()
    local server = local_server()
    assert.is_nil(server.endpoint)
    server:pull()
    assert.equal("tcp://127.0.0.1:" .. server.port, server.endpoint)
  end)

  it("is on every address without a host", function()
    local server = Server()
    server:pull()
    assert.matches("^tcp://.*:" .. server.port .. "$", server.endpoint)
    local push = Client():connect_local(server.port):push()
    assert.is_true(push "here")
    push:close()
  end)

  it("is the name of an inproc endpoint", function()
    local name = support.inproc()
    local server = Server { endpoint = name }
    server:pull()
    assert.equal(name, server.endpoint)
  end)
end)

describe("a pattern on a server", function()
  it("exists for all seven patterns", function()
    for _, name in ipairs(patterns) do
      local server = local_server()
      local results = select("#", server[name](server))
      assert.equal((name == "request" or name == "reply" or name == "pair") and 2 or 1, results)
      server:close()
    end
  end)

  it("is made once: a second one raises and names the first", function()
    for _, name in ipairs(patterns) do
      local server = local_server()
      server:pull()
      local port = server.port
      local text = refused(function() server[name](server) end)
      assert.matches("server already has a pattern (pull)", text, 1, true)
      assert.equal(port, server.port)
      server:close()
    end
  end)

  it("still works after a second one was refused", function()
    local server = local_server()
    local pull = server:pull()
    refused(function() server:push() end)
    local push = Client():connect_local(server.port):push()
    push "still here"
    assert.equal("still here", pull:recv(support.patience))
  end)

  it("raises on a taken port and names the process that holds it", function()
    local one = local_server()
    one:pull()
    local other = Server { host = "127.0.0.1", port = one.port }
    local text = refused(function() other:pull() end)
    local pid = require("luv").os_getpid()
    assert.equal(("Port %d is already in use by zlrun, pid %d"):format(one.port, pid), text)
  end)

  it("can be tried again on the same server when the port is free", function()
    local one = local_server()
    local first = one:pull()
    local other = Server { host = "127.0.0.1", port = one.port }
    refused(function() other:pull() end)
    assert.is_nil(other.endpoint)
    first:close()
    local pull = support.eventually(function()
      local ok, receiver = pcall(other.pull, other)
      return ok and receiver
    end)
    local push = Client():connect_local(other.port):push()
    push "second try"
    assert.equal("second try", pull:recv(support.patience))
  end)

  it("raises on a taken inproc name", function()
    local name = support.inproc()
    local one, other = Server { endpoint = name }, Server { endpoint = name }
    one:pull()
    assert.equal(name .. " is already in use", refused(function() other:pull() end))
  end)

  it("tells the true reason when it is another than a taken port", function()
    local server = Server { host = "192.0.2.1", port = 5000 }
    local text = refused(function() server:pull() end)
    assert.matches("cannot bind tcp://192.0.2.1:5000: no address or interface of this machine", text, 1, true)
    assert.not_matches("in use", text)
  end)

  it("checks its options before a port is bound", function()
    local server = local_server()
    refused(function() server:sub { topics = { 1 } } end)
    refused(function() server:pub { topic = 1 } end)
    refused(function() server:pull { hwm = -1 } end)
    assert.is_nil(server.port)
    server:sub()
    assert.is_number(server.port)
  end)

  it("raises when descriptors have run out, and the process goes on", function()
    local script = support.file [[
      local Server = require("zeroless").Server
      local kept = {}
      local ok, err
      repeat
        kept[#kept + 1] = Server{host = "127.0.0.1"}
        ok, err = pcall(function() kept[#kept]:pull() end)
      until not ok
      print(err)
    ]]
    local child = support.start {
      "/bin/sh", "-c", 'ulimit -n 48; exec "$0" "$1"', support.host, script,
    }:wait()
    assert.equal(0, child.code)
    assert.matches("no file descriptors left: the limit of this process is 48", child.stdout, 1, true)
  end)

  it("ends an uncaught refusal with exit code 69", function()
    local one = local_server()
    one:pull()
    local child = support.run_script(
      "require('zeroless').Server{host = '127.0.0.1', port = tonumber(arg[1])}:pull()", one.port)
    assert.equal(69, child.code)
    assert.matches(("script.lua:1: Port %d is already in use"):format(one.port), child.stderr, 1, true)
  end)
end)

describe("server:close()", function()
  it("ends its receiver, and twice is fine", function()
    local server = local_server()
    local pull = server:pull()
    server:close()
    server:close()
    assert.same({ nil, "closed" }, { pull() })
  end)

  it("is fine before a pattern, which cannot be made afterwards", function()
    local server = local_server()
    server:close()
    assert.equal("the server is closed", refused(function() server:pull() end))
  end)

  it("gives the port back at once", function()
    for _ = 1, 30 do
      local server = local_server()
      server:pull()
      server:close()
      local again = Server { host = "127.0.0.1", port = server.port }
      again:pull()
      again:close()
    end
  end)
end)

describe("a server", function()
  it("tells what it is", function()
    local server = local_server()
    assert.equal("server tcp://127.0.0.1:* (no pattern yet)", tostring(server))
    server:pull()
    assert.equal(("server tcp://127.0.0.1:%d (pull)"):format(server.port), tostring(server))
    server:close()
    assert.matches("closed", tostring(server))
  end)

  it("has methods that refuse another self", function()
    local server = local_server()
    assert.matches("bad argument #1", refused(function() server.pull() end))
    assert.matches("bad argument #1", refused(function() server.close(Client()) end))
    assert.matches("bad argument #1", refused(function() server.push {} end))
  end)

  it("hides its metatable", function()
    assert.is_false(getmetatable(local_server()))
  end)
end)
