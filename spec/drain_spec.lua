-- SPDX-License-Identifier: MIT
-- What was sent when the process ends: flushed to a live peer however the script ends; for an absent
-- one, exit code 75 and its name once the drain deadline has passed.

local support = require "spec.support"
local zeroless = require "zeroless"
local uv = require "luv"
local Server = zeroless.Server

local prelude = [[local zeroless = require "zeroless" io.stdout:setvbuf "no" ]]
  .. [[local Server, Client = zeroless.Server, zeroless.Client ]]

local function start(text, ...)
  local arguments = { ... }
  arguments[#arguments + 1] = support.file(prelude .. text)
  return support.start_host(arguments)
end

-- A port that belongs to us and at which nobody answers.
local function with_absent_peer(f)
  local tcp = uv.new_tcp()
  assert(tcp:bind("127.0.0.1", 0))
  local ok, err = pcall(f, tcp:getsockname().port, tcp)
  tcp:close()
  assert(ok, err)
end

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
push "early"]]):format(endpoint), "--drain-timeout", support.patience)
    child:expect "waiting up to"
    local server = Server { endpoint = endpoint }
    local pull = server:pull()
    assert.equal("early", pull:recv(support.patience))
    child:wait()
    server:close()
    assert.equal(0, child.code, child.stderr)
  end)
end)

describe("what was sent to an absent peer", function()
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
      with_absent_peer(function(port)
        local before = zeroless.now()
        local child = start(([[
local push = Client():connect_local(%d):push()
push "to nobody"
%s]]):format(port, last), "--drain-timeout", 0.5)
        child:wait()
        local elapsed = zeroless.now() - before
        assert.equal(code, child.code, child.stderr)
        assert.is_true(elapsed >= 0.5 and elapsed < generous, elapsed)
        assert.matches("level=error [^\n]*tcp://127.0.0.1:" .. port, child.stderr)
      end)
    end)
  end

  it("names every endpoint that took nothing, and no other", function()
    local server = Server { host = "127.0.0.1" }
    local pull = server:pull()
    with_absent_peer(function(one)
      with_absent_peer(function(other)
        local child = start(([[
local one = Client():connect_local(%d):push()
local other = Client():connect_local(%d):push()
local live = Client():connect_local(%d):push()
one "x" other "x" live "x"]]):format(one, other, server.port), "--drain-timeout", 0.3, "--log-level", "error")
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

  it("is given up when the peer takes the connection and never speaks", function()
    with_absent_peer(function(port, tcp)
      assert(tcp:listen(1, function() end))
      local child = start(([[
local push = Client():connect_local(%d):push()
push "to the deaf"]]):format(port), "--drain-timeout", 0.3)
      child:wait()
      assert.equal(75, child.code, child.stderr)
      assert.matches("level=error [^\n]*tcp://127.0.0.1:" .. port, child.stderr)
    end)
  end)

  it("is given up when the peer does not read", function()
    local server = Server { host = "127.0.0.1", hwm = 1 }
    local pull = server:pull()
    local child = start(([[
local push = Client { hwm = 0 }:connect_local(%d):push()
local large = ("x"):rep(1000000)
for _ = 1, 64 do push(large) end]]):format(server.port), "--drain-timeout", 0.3)
    child:wait()
    assert.equal(75, child.code, child.stderr)
    assert.matches("level=error [^\n]*tcp://127.0.0.1:" .. server.port, child.stderr)
    assert.is_not_nil(pull)
    server:close()
  end)

  it("counts a request, too", function()
    with_absent_peer(function(port)
      local child = start(([[
local ask = Client():connect_local(%d):request()
ask "anybody?"]]):format(port), "--drain-timeout", 0.2)
      child:wait()
      assert.equal(75, child.code, child.stderr)
      assert.matches("tcp://127.0.0.1:" .. port, child.stderr, 1, true)
    end)
  end)

  it("is dropped at once with --drain-timeout 0", function()
    with_absent_peer(function(port)
      local child = start(([[
local push = Client():connect_local(%d):push()
push "to nobody"]]):format(port), "--drain-timeout", 0)
      child:wait()
      assert.equal(75, child.code, child.stderr)
    end)
  end)

  it("is waited for until a second signal", function()
    with_absent_peer(function(port)
      local child = start(([[
local push = Client():connect_local(%d):push()
push "to nobody"]]):format(port), "--drain-timeout", 1000)
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
