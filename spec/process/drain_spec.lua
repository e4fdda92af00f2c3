-- SPDX-License-Identifier: MIT
-- What was sent when the process ends: flushed to a live peer however the script ends; for one that takes
-- nothing more, exit code 75 and its name once the drain deadline has passed. What still waits for a peer
-- was not sent: it is named, and nothing is waited for.

local raw_peer = require "spec.raw_peer"
local script = require "spec.process.script"
local support = require "spec.support"
local zeroless = require "zeroless"
local uv = require "luv"
local Server = zeroless.Server
local start = script.start

-- A port that belongs to us and at which nobody answers.
local function with_absent_peer(f)
  local tcp = uv.new_tcp()
  assert(tcp:bind("127.0.0.1", 0))
  local ok, err = pcall(f, tcp:getsockname().port, tcp)
  tcp:close()
  assert(ok, err)
end

-- The port of a peer that has taken the handshake and reads nothing.
local function with_deaf_peer(kind, f)
  local peer = raw_peer.listen(kind)
  local ok, err = pcall(f, peer.port, peer)
  peer:close()
  assert(ok, err)
end

-- `much(push)` sends 64 MB, far more than the kernel takes for a peer that does not read.
local much = [[
local function much(push)
  local large = ("x"):rep(1000000)
  for _ = 1, 64 do push(large) end
end
]]

describe("what was sent to a live peer arrives", function()
  local count = 20000
  local ends = {
    { "when the script simply ends", "" },
    { "with os.exit", "os.exit(3)", 3 },
    { "with os.exit in a task", "zeroless.spawn(function() os.exit(4) end) zeroless.sleep(1000)", 4 },
    { "with os.exit in a coroutine", "coroutine.wrap(function() os.exit(true) end)()" },
    { "with os.exit in a luv callback", [[
local timer = require "luv".new_timer()
timer:start(0, 0, function() os.exit(5) end)]], 5 },
    { "with an error", "error 'last words'", 1 },
    { "with zeroless.stop", "zeroless.stop(6)", 6 },
    { "when the sender is closed first", "push:close()" },
    { "when the client is closed first", "client:close()" },
    { "when both are collected first", "push, client = nil, nil collectgarbage() collectgarbage()" },
  }
  for _, how in ipairs(ends) do
    local name, last, code = unpack(how)
    it(name, function()
      local server = Server { host = "127.0.0.1" }
      local pull = server:pull()
      local child = start(([[
local client = Client { hwm = 0 }:connect_local(%d)
local push = client:push()
for i = 1, %d do push(tostring(i)) end
%s]]):format(server.port, count, last))
      for i = 1, count do assert.equal(tostring(i), pull:recv(support.patience)) end
      child:wait()
      server:close()
      assert.equal(code or 0, child.code, child.stderr)
      assert.not_matches("lost", child.stderr)
    end)
  end

  it("also to one that comes while the sender waits for it", function()
    local endpoint = "ipc://" .. support.folder() .. "/late.sock"
    local child = start(([[
local push = Client():connect(%q):push()
push "early"]]):format(endpoint))
    child:expect "nobody answers"
    local server = Server { endpoint = endpoint }
    local pull = server:pull()
    assert.equal("early", pull:recv(support.patience))
    child:wait()
    server:close()
    assert.equal(0, child.code, child.stderr)
    assert.not_matches("lost", child.stderr)
  end)

  it("also to one that has left, and comes back while the process ends", function()
    local endpoint = "ipc://" .. support.folder() .. "/back.sock"
    local server = Server { endpoint = endpoint, hwm = 1 }
    server:pull()
    local child = start(much .. ([[
local push = Client { hwm = 0 }:connect(%q):push()
much(push)
push "the last"
print "sent"
zeroless.sleep(1000)]]):format(endpoint), "--drain-timeout", support.patience)
    child:expect "sent"
    server:close()
    child:expect "has left"
    child:kill "sigterm"
    child:expect "waiting up to"
    server = Server { endpoint = endpoint }
    local pull = server:pull()
    local message
    repeat message = pull:recv(support.patience) until not message or message == "the last"
    assert.equal("the last", message)
    child:wait()
    server:close()
    assert.equal(0, child.code, child.stderr)
  end)
end)

describe("what was sent to a peer that takes nothing more", function()
  -- Long enough for the slowest machine, far less than without a deadline.
  local generous = 30

  local ends = {
    { "when the script simply ends", "", 75 },
    { "with os.exit(0)", "os.exit(0)", 75 },
    { "with os.exit(3), whose code stays", "os.exit(3)", 3 },
    { "with an error, whose code stays", "error 'last words'", 1 },
    { "with zeroless.stop()", "zeroless.stop()", 75 },
    { "when the sender is closed first", "push:close()", 75 },
  }
  for _, how in ipairs(ends) do
    local name, last, code = unpack(how)
    it("is given up at the deadline, and the endpoint named, " .. name, function()
      with_deaf_peer("PULL", function(port)
        local before = zeroless.now()
        local child = start(much .. ([[
local push = Client { hwm = 0 }:connect_local(%d):push()
much(push)
%s]]):format(port, last), "--drain-timeout", 0.5)
        child:wait()
        local elapsed = zeroless.now() - before
        assert.equal(code, child.code, child.stderr)
        assert.is_true(elapsed >= 0.5 and elapsed < generous, elapsed)
        assert.matches("level=error [^\n]*tcp://127.0.0.1:" .. port, child.stderr)
      end)
    end)
  end

  it("names every endpoint that took too little, and no other", function()
    local server = Server { host = "127.0.0.1" }
    local pull = server:pull()
    with_deaf_peer("PULL", function(one)
      with_deaf_peer("PULL", function(other)
        local child = start(much .. ([[
local one = Client { hwm = 0 }:connect_local(%d):push()
local other = Client { hwm = 0 }:connect_local(%d):push()
local live = Client():connect_local(%d):push()
much(one) much(other) live "x"]]):format(one, other, server.port), "--drain-timeout", 0.3, "--log-level", "error")
        assert.equal("x", pull:recv(support.patience))
        child:wait()
        assert.equal(75, child.code)
        assert.matches("tcp://127.0.0.1:" .. one, child.stderr, 1, true)
        assert.matches("tcp://127.0.0.1:" .. other, child.stderr, 1, true)
        assert.not_matches("tcp://127.0.0.1:" .. server.port, child.stderr, 1, true)
      end)
    end)
    server:close()
  end)

  it("is given up when that peer has left and does not come back", function()
    with_deaf_peer("PULL", function(port, peer)
      local child = start(much .. ([[
local push = Client { hwm = 0 }:connect_local(%d):push()
much(push)
print "sent"
zeroless.sleep(1000)]]):format(port), "--drain-timeout", 0.5)
      child:expect "sent"
      peer:close()
      child:expect "has left"
      child:kill "sigterm"
      child:wait()
      assert.equal(75, child.code, child.stderr)
      assert.matches("level=error [^\n]*tcp://127.0.0.1:" .. port, child.stderr)
    end)
  end)

  it("is given up when the peer's queue is full and it does not read", function()
    local server = Server { host = "127.0.0.1", hwm = 1 }
    local pull = server:pull()
    local child = start(much .. ([[
local push = Client { hwm = 0 }:connect_local(%d):push()
much(push)]]):format(server.port), "--drain-timeout", 0.3)
    child:wait()
    assert.equal(75, child.code, child.stderr)
    assert.matches("level=error [^\n]*tcp://127.0.0.1:" .. server.port, child.stderr)
    assert.is_not_nil(pull)
    server:close()
  end)

  it("counts a request, too", function()
    with_deaf_peer("REP", function(port)
      local child = start(([[
local ask = Client():connect_local(%d):request()
ask(("anybody?"):rep(8000000))]]):format(port), "--drain-timeout", 0.3)
      child:wait()
      assert.equal(75, child.code, child.stderr)
      assert.matches("level=error [^\n]*tcp://127.0.0.1:" .. port, child.stderr)
    end)
  end)

  it("is dropped at once with --drain-timeout 0", function()
    with_deaf_peer("PULL", function(port)
      local child = start(much .. ([[
local push = Client { hwm = 0 }:connect_local(%d):push()
much(push)]]):format(port), "--drain-timeout", 0)
      child:wait()
      assert.equal(75, child.code, child.stderr)
    end)
  end)

  it("is waited for until a second signal", function()
    with_deaf_peer("PULL", function(port)
      local child = start(much .. ([[
local push = Client { hwm = 0 }:connect_local(%d):push()
much(push)]]):format(port), "--drain-timeout", 1000)
      child:expect "waiting up to"
      child:kill "sigint"
      -- Two signals of one kind that are not yet delivered are one: the second must be another.
      support.eventually(function()
        child:kill "sigint"
        return child.code
      end)
      child:wait()
      assert.equal(130, child.code)
    end)
  end)
end)

describe("a sender that still waits for a peer when the process ends", function()
  -- {how, at the end of the script, code, signal}
  local ends = {
    { "by SIGTERM", "zeroless.sleep(1000)", 75, "sigterm" },
    { "by SIGINT", "zeroless.sleep(1000)", 75, "sigint" },
    { "with os.exit(0)", "os.exit(0)", 75 },
    { "with os.exit(3), whose code stays", "os.exit(3)", 3 },
    { "with zeroless.stop()", "zeroless.stop()", 75 },
    { "with zeroless.stop(4), whose code stays", "zeroless.stop(4)", 4 },
  }
  for _, how in ipairs(ends) do
    local name, last, code, signal = unpack(how)
    it("is named with its line, and nothing is waited for, " .. name, function()
      with_absent_peer(function(port)
        local child = start(([[
local push = Client():connect_local(%d):push()
zeroless.spawn(function()
  push "to nobody"
end)
zeroless.sleep(0.01)
print "waiting"
%s]]):format(port, last), "--drain-timeout", 1000)
        child:expect "waiting\n"
        if signal then child:kill(signal) end
        child:wait()
        assert.equal(code, child.code, child.stderr)
        assert.matches("level=error source=%S+script.lua:3 [^\n]*tcp://127.0.0.1:" .. port, child.stderr)
        assert.matches("not sent", child.stderr)
        assert.not_matches("waiting up to", child.stderr)
      end)
    end)
  end

  it("is named for each endpoint of a push, a request and a pair, and for no other", function()
    local server = Server { host = "127.0.0.1" }
    local pull = server:pull()
    local ports = {}
    for i = 1, 3 do ports[i] = support.free_port() end
    local child = start(([[
local push = Client():connect_local(%d):push()
local request = Client():connect_local(%d):request()
local pair = Client():connect_local(%d):pair()
local live = Client():connect_local(%d):push()
for _, send in ipairs { push, request, pair } do zeroless.spawn(function() send "x" end) end
live "x"
zeroless.stop()]]):format(ports[1], ports[2], ports[3], server.port), "--log-level", "error", "--drain-timeout", 1000)
    assert.equal("x", pull:recv(support.patience))
    child:wait()
    assert.equal(75, child.code, child.stderr)
    for i, pattern in ipairs { "push", "request", "pair" } do
      assert.matches(("level=error [^\n]*this %s waited [^\n]*tcp://127.0.0.1:%d"):format(pattern, ports[i]),
        child.stderr)
    end
    assert.not_matches("tcp://127.0.0.1:" .. server.port, child.stderr, 1, true)
    server:close()
  end)

  it("is named when its peer takes the connection and never speaks", function()
    local silent = raw_peer.listen()
    local child = start(([[
local push = Client():connect_local(%d):push()
print "sending"
push "to the deaf"]]):format(silent.port), "--drain-timeout", 1000)
    child:expect "sending"
    support.eventually(function() return #silent.connections > 0 end, "the connection")
    child:kill "sigterm"
    child:wait()
    silent:close()
    assert.equal(75, child.code, child.stderr)
    assert.matches("level=error [^\n]*tcp://127.0.0.1:" .. silent.port, child.stderr)
  end)

  it("is no loss when it has given up by itself", function()
    with_absent_peer(function(port)
      local child = start(([[
local function client() return Client { timeout = 0.05 }:connect_local(%d) end
local push, ask = client():push(), client():request()
print(push "x")
print(ask "x")
print(push:try "x")]]):format(port), "--drain-timeout", 1000):wait()
      assert.equal("nil\ttimeout\nnil\ttimeout\nnil\tfull\n", child.stdout)
      assert.equal(0, child.code, child.stderr)
      assert.not_matches("level=error", child.stderr)
    end)
  end)
end)

describe("nothing is waited for", function()
  local scripts = {
    ["when nothing was sent"] = "local push = Client():connect_local(%d):push() print(push)",
    ["when nobody subscribes"] = "local pub = Client():connect_local(%d):pub() pub 'news'",
    ["for a receiver"] = "local pull = Client():connect_local(%d):pull() print(pull)",
    ["by a server whose clients are gone"] = "Server { host = '127.0.0.1' }:pub() 'news' print(%d)",
  }
  for name, text in pairs(scripts) do
    it(name, function()
      with_absent_peer(function(port)
        local child = start(text:format(port), "--drain-timeout", 1000):wait()
        assert.equal(0, child.code, child.stderr)
      end)
    end)
  end
end)
