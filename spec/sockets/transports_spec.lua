-- SPDX-License-Identifier: MIT
-- The transports: tcp with IPv4, IPv6 and names, ipc in the file system and abstract, inproc.

local support = require "spec.support"
local uv = require "luv"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local refused, patience = support.refused, support.patience

-- A message from this client to this server arrives.
local function assert_carries(server, client)
  local pull = server:pull()
  local push = client(server):push()
  push("through", server.endpoint)
  assert.same({ "through", server.endpoint }, { pull:recv(patience) })
  push:close()
  pull:close()
end

-- A push to the endpoint waits for a server, which gets its message.
local function assert_waits(endpoint)
  local push = Client():connect(endpoint):push()
  local pusher = zeroless.spawn(function() return push "early" end)
  assert.same({ nil, "timeout" }, { pusher:join(0.02) })
  local pull = Server({ endpoint = endpoint }):pull()
  assert.equal("early", pull:recv(patience))
  assert.is_true(pusher:join(patience))
end

describe("tcp", function()
  it("binds an address, every address and a name's address", function()
    local function connect(server) return Client():connect("127.0.0.1", server.port) end
    assert_carries(Server { host = "127.0.0.1" }, connect)
    assert_carries(Server { host = "*" }, connect)
    assert_carries(Server { host = "0.0.0.0" }, connect)
    assert_carries(Server(), connect)
    assert_carries(Server { endpoint = "tcp://127.0.0.1:*" }, connect)
    assert_carries(Server { endpoint = "tcp://127.0.0.1:0" }, connect)
    assert_carries(Server { endpoint = "tcp://*:*" }, connect)
  end)

  it("binds an interface by its name", function()
    assert_carries(Server { host = "lo" }, function(server) return Client():connect_local(server.port) end)
  end)

  it("says that a host name cannot be bound", function()
    local server = Server { host = "no-such-interface.example" }
    assert.matches("a name is not looked up", refused(function() server:pull() end), 1, true)
  end)

  it("connects to a host name", function()
    assert_carries(Server { host = "127.0.0.1" }, function(server)
      return Client():connect("localhost", server.port)
    end)
  end)

  it("connects to a name that does not resolve without harm to others", function()
    assert_carries(Server { host = "127.0.0.1" }, function(server)
      return Client():connect("no-such-host.invalid", 5000):connect_local(server.port):disconnect(
        "no-such-host.invalid", 5000)
    end)
    local push = Client():connect("no-such-host.invalid", 5000):push { timeout = 0.01 }
    assert.same({ nil, "timeout" }, { push "nobody" })
    push:close()
  end)

  it("can be disconnected from a name", function()
    local server = Server { host = "127.0.0.1" }
    local pull = server:pull()
    local client = Client():connect("localhost", server.port)
    local push = client:push()
    push "a"
    assert.equal("a", pull:recv(patience))
    client:disconnect("localhost", server.port)
    assert.same({}, client.addresses)
    support.eventually(function() return not push:try "gone" end, "the end of the connection")
  end)
end)

describe("tcp with IPv6", function()
  it("binds and connects, with and without brackets", function()
    assert_carries(Server { host = "::1" }, function(server) return Client():connect("::1", server.port) end)
    assert_carries(Server { host = "[::1]" }, function(server)
      return Client():connect("[::1]", server.port)
    end)
    assert_carries(Server { endpoint = "tcp://[::1]:*" }, function(server)
      return Client():connect(server.endpoint)
    end)
  end)

  it("gives literals their brackets in endpoints, none in addresses", function()
    local server = Server { host = "::1" }
    server:pull()
    assert.equal(("tcp://[::1]:%d"):format(server.port), server.endpoint)
    local client = Client():connect("::1", 5001):connect("[fe80::1%lo]", 5002)
    assert.same({ { host = "::1", port = 5001 }, { host = "fe80::1%lo", port = 5002 } }, client.addresses)
    assert.equal("Already connected to ::1 on port 5001",
      refused(function() client:connect("[::1]", 5001) end))
    client:disconnect("[::1]", 5001)
    assert.equal(1, #client.addresses)
    server:close()
  end)

  it("listens on both families with every address", function()
    assert_carries(Server(), function(server) return Client():connect("::1", server.port) end)
    assert_carries(Server(), function(server) return Client():connect("127.0.0.1", server.port) end)
  end)

  it("goes with IPv4 on one client", function()
    local four, six = Server { host = "127.0.0.1" }, Server { host = "::1" }
    local pull_four, pull_six = four:pull(), six:pull()
    local push = Client():connect("127.0.0.1", four.port):connect("::1", six.port):push()
    local got_four, got_six
    support.eventually(function()
      push "both"
      got_four, got_six = got_four or pull_four:try(), got_six or pull_six:try()
      return got_four and got_six
    end)
    push:close()
  end)

  it("raises for what is no address", function()
    local client = Client()
    assert.matches("is invalid", refused(function() client:connect("::g", 5000) end))
    assert.matches("is invalid", refused(function() client:connect("[::1", 5000) end))
    assert.matches("is invalid", refused(function() client:connect("1:2", 5000) end))
    assert.matches("needs brackets", refused(function() client:connect("tcp://::1:5000") end))
    assert.matches("is invalid", refused(function() Server({ host = "::g" }) end))
  end)

  it("tells a taken port", function()
    local one = Server { host = "::1" }
    one:pull()
    local other = Server { host = "::1", port = one.port }
    assert.matches(("Port %d is already in use by"):format(one.port),
      refused(function() other:pull() end), 1, true)
  end)
end)

describe("ipc", function()
  local function path()
    return support.folder() .. "/s"
  end

  it("carries messages over a path, a free one and an abstract name", function()
    local function connect(server) return Client():connect(server.endpoint) end
    assert_carries(Server { endpoint = "ipc://" .. path() }, connect)
    assert_carries(Server { endpoint = "ipc://*" }, connect)
    assert_carries(Server { endpoint = "ipc://@" .. support.name() }, connect)
  end)

  it("makes a socket for its owner alone", function()
    local file = path()
    local server = Server { endpoint = "ipc://" .. file }
    server:pull()
    local status = assert(uv.fs_stat(file))
    assert.equal("socket", status.type)
    assert.equal(0, status.mode % 64)
  end)

  it("raises for a second binder, and the first one goes on", function()
    local endpoint = "ipc://" .. path()
    local server, other = Server { endpoint = endpoint }, Server { endpoint = endpoint }
    local pull = server:pull()
    for _ = 1, 3 do
      assert.equal(('endpoint "%s" cannot be bound: it is already in use by zlrun, pid %d')
        :format(endpoint, uv.os_getpid()), refused(function() other:pull() end))
    end
    local push = Client():connect(endpoint):push()
    push "to the first"
    assert.equal("to the first", pull:recv(patience))
  end)

  it("raises for a second binder in another process", function()
    local endpoint = "ipc://" .. path()
    local server = Server { endpoint = endpoint }
    local pull = server:pull()
    local child = support.run_script("require('zeroless').Server{endpoint = arg[1]}:pull()", endpoint)
    assert.equal(69, child.code)
    assert.matches("already in use by zlrun, pid " .. uv.os_getpid(), child.stderr, 1, true)
    local push = Client():connect(endpoint):push()
    push "still mine"
    assert.equal("still mine", pull:recv(patience))
  end)

  it("raises for a second binder of an abstract name", function()
    local endpoint = "ipc://@" .. support.name()
    local server, other = Server { endpoint = endpoint }, Server { endpoint = endpoint }
    server:pull()
    assert.matches("already in use", refused(function() other:pull() end))
  end)

  it("leaves alone what is no socket", function()
    local file = support.file("precious", "data")
    local server = Server { endpoint = "ipc://" .. file }
    assert.matches("it is a file, not a socket; zlrun will not remove it",
      refused(function() server:pull() end), 1,
      true)
    assert.equal("precious", assert(io.open(file)):read "*a")
    local folder = Server { endpoint = "ipc://" .. support.folder() }
    assert.matches("it is a folder, not a socket", refused(function() folder:pull() end))
    local link = path()
    assert(uv.fs_symlink(file, link))
    local linked = Server { endpoint = "ipc://" .. link }
    assert.matches("it is a symbolic link, not a socket", refused(function() linked:pull() end))
    assert.equal("link", uv.fs_lstat(link).type)
  end)

  it("takes over the socket of a process that has ended", function()
    local file = path()
    local child = support.start_host { "-e", [[
      local zeroless = require "zeroless"
      local pull = zeroless.Server{endpoint = arg[1]}:pull()
      io.stdout:write "bound"
      io.stdout:flush()
      pull()
    ]], "ipc://" .. file }
    child:expect "bound"
    child:kill "sigkill"
    child:wait()
    assert.equal("socket", uv.fs_lstat(file).type)
    assert_carries(Server { endpoint = "ipc://" .. file }, function(server)
      return Client():connect(server.endpoint)
    end)
  end)

  it("raises for a path that is too long, or whose folder is not there", function()
    assert.matches("the limit is 107",
      refused(function() Server({ endpoint = "ipc:///" .. ("x"):rep(107) }) end))
    assert.matches("the limit is 107", refused(function() Client():connect("ipc:///" .. ("x"):rep(107)) end))
    local server = Server { endpoint = "ipc:///no/such/folder/s" }
    assert.matches("its folder is not writable: No such file or directory",
      refused(function() server:pull() end), 1, true)
  end)

  it("connects before there is a server", function()
    assert_waits("ipc://" .. path())
  end)

  it("can be bound again at once", function()
    local endpoint = "ipc://" .. path()
    for _ = 1, 30 do
      assert_carries(Server { endpoint = endpoint }, function() return Client():connect(endpoint) end)
    end
  end)
end)

describe("inproc", function()
  it("carries messages, whoever comes first", function()
    assert_carries(Server { endpoint = support.inproc() }, function(server)
      return Client():connect(server.endpoint)
    end)
    assert_waits(support.inproc())
  end)

  it("refuses the name that libzmq keeps for authentication", function()
    assert.matches("libzmq reserves it",
      refused(function() Server({ endpoint = "inproc://zeromq.zap.01" }) end))
  end)

  it("ends in good order with many connections that nobody took", function()
    local child = support.run_script [[
      local Client = require("zeroless").Client
      local kept = {}
      for i = 1, 200 do kept[i] = Client():connect("inproc://nobody" .. i):push() end
      print "done"
    ]]
    assert.equal(0, child.code)
    assert.equal("done\n", child.stdout)
  end)
end)
