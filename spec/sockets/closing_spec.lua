-- SPDX-License-Identifier: MIT
-- Closed sockets give back what they hold, whenever they are closed and whatever they could not send; and
-- the end of a process waits for what was sent, not for what was given up.

local raw_peer = require "spec.raw_peer"
local support = require "spec.support"
local zeroless = require "zeroless"

-- For scripts: descriptors() counts those of the process, back_to(n) waits until no more than n are left;
-- unsent() is a push, closed, with more sent than its peer at arg[1] and the kernel take.
local prelude = [[
local zeroless = require "zeroless"
local uv = require "luv"
io.stdout:setvbuf "no"
local Server, Client = zeroless.Server, zeroless.Client
local function descriptors()
  local folder, count = uv.fs_scandir "/proc/self/fd", 0
  while uv.fs_scandir_next(folder) do count = count + 1 end
  return count
end
local function back_to(wanted)
  local deadline = zeroless.now() + 50
  while descriptors() > wanted and zeroless.now() < deadline do zeroless.sleep(0.01) end
  print(descriptors() <= wanted and "all are back" or descriptors() .. " descriptors, not " .. wanted)
end
local large = ("x"):rep(1000000)
local function unsent()
  local push = Client { hwm = 0 }:connect_local(tonumber(arg[1])):push()
  for _ = 1, 48 do push(large) end
  push:close()
end
Client():connect_local(tonumber(arg[1])):push():close() -- what the first socket opens for all
zeroless.sleep(0.2)
local before = descriptors()
]]

local function start(text, ...)
  local arguments = { ... }
  local port = table.remove(arguments)
  arguments[#arguments + 1] = support.file(prelude .. text)
  arguments[#arguments + 1] = port
  return support.start_host(arguments)
end

describe("a closed socket with something unsent", function()
  local peer
  before_each(function() peer = raw_peer.listen "PULL" end)
  after_each(function() peer:close() end)

  it("does not stall what is closed around the end of its drain time", function()
    local child = start([[
for i = 0, 7 do
  unsent()
  zeroless.sleep(0.24 + i * 0.04)
  local server = Server { host = "127.0.0.1" }
  server:pull()
  local port = server.port
  server:close()
  zeroless.sleep(0.3)
  local again = Server { host = "127.0.0.1", port = port }
  local deadline = zeroless.now() + 20
  while not pcall(again.pull, again) do
    assert(zeroless.now() < deadline, "the port of a closed server is still taken")
    zeroless.sleep(0.01)
  end
  again:close()
end
back_to(before)]], "--drain-timeout", 0.3, "--log-level", "error", peer.port):wait()
    assert.equal("all are back\n", child.stdout, child.stderr)
    assert.equal(0, child.code, child.stderr)
  end)

  it("gives its descriptors back, and is reported, although no other is closed after it", function()
    local child = start([[
for _ = 1, 10 do unsent() end
print(descriptors() > before)
back_to(before)
zeroless.sleep(1000)]], "--drain-timeout", 0.5, peer.port)
    child:expect "all are back"
    support.eventually(function()
      local _, count = child.stderr:gsub("level=warn [^\n]*127%.0%.0%.1:" .. peer.port .. " are lost", "")
      return count == 10
    end, "ten warnings")
    child:kill "sigterm"
    child:wait()
    assert.equal("true\nall are back\n", child.stdout)
  end)
end)

describe("a client for each request", function()
  it("does not run out of descriptors although nobody answers", function()
    local child = support.start { "/usr/bin/prlimit", "--nofile=150:150", support.host, "--log-level", "error", "-e", [[
      local Client = require("zeroless").Client
      for _ = 1, 400 do
        local client = Client():connect_local(tonumber(arg[1]))
        local ask, replies = client:request { timeout = 0.001 }
        ask "anybody?"
        assert(select(2, replies()) == "timeout")
        client:close()
      end
      print "400"
    ]], support.free_port() }
    child:wait()
    assert.equal("400\n", child.stdout, child.stderr)
    assert.equal(0, child.code, child.stderr)
  end)
end)

describe("the end of a script", function()
  -- Whether it took the drain timeout, on the slowest machine.
  local generous = 30

  local function ends_at_once(text, port)
    local before = zeroless.now()
    local child = support.run_host { "--log-level", "error", "--drain-timeout", 1000, "-e", text, port }
    assert.is_true(zeroless.now() - before < generous, text)
    assert.equal(0, child.code, text .. child.stderr)
    assert.equal("", child.stderr)
  end

  -- It took the whole drain timeout in some of the runs.
  it("comes at once when it has both ends of request and reply", function()
    local scripts = {
      "ask 'unread'",
      "ask 'read' requests() reply 'unread'",
      "ask 'read' requests() reply 'read' replies()",
      "ask 'read' requests() reply 'read' replies() ask 'unread'",
      "zeroless.spawn(function() for m in requests do reply(m) end end) ask 'perhaps read' zeroless.stop()",
    }
    for _, text in ipairs(scripts) do
      for _ = 1, 6 do
        ends_at_once([[
          local zeroless = require "zeroless"
          local server = zeroless.Server { host = "127.0.0.1" }
          local reply, requests = server:reply()
          local ask, replies = zeroless.Client():connect_local(server.port):request()
        ]] .. text)
      end
    end
  end)

  it("does not wait for requests that were given up", function()
    ends_at_once([[
      local ask, replies = require("zeroless").Client():connect_local(tonumber(arg[1])):request { timeout = 0.05 }
      for _ = 1, 3 do
        ask "anybody?"
        assert(select(2, replies()) == "timeout")
      end
    ]], support.free_port())
  end)

  it("comes at once when a client without its worker is interrupted", function()
    local port = support.free_port()
    local child = support.start_host { "--drain-timeout", 1000, "-e", [[
      local request, replies = require("zeroless").Client():connect_local(tonumber(arg[1])):request()
      for i = 1, 3 do
        request("Ada", tostring(i))
        print(replies())
      end
    ]], port }
    child:expect "Ready..."
    local before = zeroless.now()
    child:kill "sigint"
    child:wait()
    assert.is_true(zeroless.now() - before < generous)
    assert.equal(75, child.code, child.stderr)
    assert.matches("level=error [^\n]*127%.0%.0%.1:" .. port, child.stderr)
  end)
end)
