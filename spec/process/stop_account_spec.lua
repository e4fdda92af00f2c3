-- SPDX-License-Identifier: MIT
-- What a stop leaves with the peers, what it waits for, and that all it cannot have handled is
-- counted. Each case stops a worker of its own.

local socket = require "luv"
local support = require "spec.support"
local zeroless = require "zeroless"
local Client, Server = zeroless.Client, zeroless.Server

local prelude = [[local zeroless = require "zeroless" io.stdout:setvbuf "line" ]]
  .. [[local Server, Client = zeroless.Server, zeroless.Client ]]

local function start(text, ...)
  local arguments = { ... }
  arguments[#arguments + 1] = support.file(prelude .. text)
  return support.start_host(arguments)
end

local function start_server(at, text, ...)
  return start(("local server = Server { endpoint = %q } "):format(at) .. text, ...)
end

local function tcp()
  return "tcp://127.0.0.1:" .. support.free_port()
end

local own_jobs = [[
local server = Server { host = "127.0.0.1" }
local jobs = server:pull()
local push = Client():connect_local(server.port):push()
for i = 1, 20 do push("job " .. i) end
]]

local function count(child)
  return tonumber(child.stderr:match "nobody has handled: (%d+)")
end

describe("a stop under a backlog", function()
  it("takes no more from a peer that is ahead than had arrived, when the worker is slow", function()
    local at, sent, is_over = tcp(), 0, false
    local child = start_server(at, [[
local count = 0
for message in server:pull() do
  count = count + 1
  if count == 1 then print "busy" end
  zeroless.sleep(0.002)
end
print("handled " .. count)]], "--drain-timeout", 2)
    child:expect "Ready"
    local client = Client():connect(at)
    local push = client:push()
    local sender = zeroless.spawn(function()
      while not is_over do
        if push(("%08d"):format(sent + 1) .. ("x"):rep(92)) then sent = sent + 1 end
      end
    end)
    child:expect "busy"
    -- The kernel's buffers are full when no more is taken for a while.
    support.eventually(function()
      local before = sent
      zeroless.sleep(0.2)
      return sent > 1000 and sent - before < 1000
    end)
    local before = sent
    child:kill "sigterm"
    child:wait()
    local successor = Server { endpoint = at }
    local pull = successor:pull()
    local first = tonumber(pull():sub(1, 8))
    is_over = true
    while pull:recv(0.5) do end
    sender:join(1)
    client:close()
    successor:close()
    local handled = tonumber(child.stdout:match "handled (%d+)")
    assert.equal(75, child.code, child.stderr)
    -- The message that the peer had written half of is lost.
    local missing = first - 1 - handled - count(child)
    assert.is_true(missing == 0 or missing == 1, missing)
    assert.is_true(first - before < 10000, ("%d more than %d"):format(first - before, before))
  end)

  it("does not wait for peers that are not through their handshake", function()
    local port = support.free_port()
    local child = start_server("tcp://127.0.0.1:" .. port, [[
for message in server:pull() do print(message) end]])
    child:expect "Ready"
    local peers = {}
    for i, text in ipairs { "", "GET / HTTP/1.0\r\n\r\n", "\255\0\0\0\0\0\0\0\0\127\3\0NULL" } do
      local is_connected
      peers[i] = socket.new_tcp()
      peers[i]:connect("127.0.0.1", port, function(err) is_connected = not err end)
      support.eventually(function() return is_connected end)
      if text ~= "" then peers[i]:write(text) end
    end
    zeroless.sleep(0.1)
    local since = zeroless.now()
    child:kill "sigterm"
    child:wait()
    local took = zeroless.now() - since
    for _, peer in ipairs(peers) do peer:close() end
    assert.equal(0, child.code, child.stderr)
    assert.is_true(took < 0.9, took)
  end)
end)

describe("a start that still waits when the process is stopped", function()
  for name, cause in pairs {
    ["a signal"] = [[zeroless.after(0.1, function() require "luv".kill(require "luv".os_getpid(), "sigterm") end)]],
    ["zeroless.stop"] = [[zeroless.after(0.1, zeroless.stop)]],
  } do
    it("is awaited while there are messages that it has not begun to receive: " .. name, function()
      local child = start(own_jobs .. cause .. [[
zeroless.sleep(0.5)
local count = 0
for _ in jobs do count = count + 1 end
print("handled " .. count)]], "--drain-timeout", support.patience):wait()
      assert.equal(0, child.code, child.stderr)
      assert.equal("handled 20\n", child.stdout)
    end)
  end

  it("is awaited when its messages come from another process", function()
    local at = tcp()
    local child = start_server(at, [[
local pull, count = server:pull(), 0
print "open"
zeroless.sleep(1)
for _ in pull do count = count + 1 end
print("handled " .. count)]], "--drain-timeout", support.patience)
    child:expect "open"
    local client = Client():connect(at)
    local push = client:push()
    for i = 1, 50 do push(tostring(i)) end
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(0, child.code, child.stderr)
    assert.is_true(tonumber(child.stdout:match "handled (%d+)") > 0)
    assert.is_nil(count(child))
  end)
end)

describe("messages that the process has sent to itself and nobody has read", function()
  for name, ending in pairs {
    ["its script ends"] = "",
    ["it was read once"] = "jobs()",
    ["os.exit"] = "os.exit(0)",
  } do
    it("are counted in a warning: " .. name, function()
      local child = start(own_jobs .. ending):wait()
      assert.equal(0, child.code, child.stderr)
      assert.matches("level=warn [^\n]*pull tcp://127.0.0.1:%d+ has received", child.stderr)
      assert.equal(ending == "jobs()" and 19 or 20, count(child))
    end)
  end

  it("are counted when an error ends the script", function()
    local child = start(own_jobs .. [[error "boom"]]):wait()
    assert.equal(1, child.code)
    assert.equal(20, count(child), child.stderr)
  end)

  it("are an error and code 75 when the process was asked to stop", function()
    local child = start(own_jobs .. [[
zeroless.after(0.1, zeroless.stop)
Server():pull()()]]):wait()
    assert.equal(75, child.code, child.stderr)
    assert.matches("level=error [^\n]*pull tcp://127.0.0.1:%d+ has received", child.stderr)
    assert.equal(20, count(child))
  end)
end)

describe("messages that others have sent", function()
  it("are counted beyond what the queue holds when an error ends the script", function()
    local at = tcp()
    local child = start_server(at, [[
local pull = server:pull()
pull()
zeroless.sleep(1)
error "boom"]])
    local client = Client():connect(at)
    local push = client:push()
    for i = 1, 2500 do push(tostring(i)) end
    child:wait()
    client:close()
    assert.equal(1, child.code)
    assert.is_true(count(child) > 2000, child.stderr)
  end)
end)

describe("a handler that never comes back", function()
  local taken_over = "running without waiting: the process exits"
  for name, case in pairs {
    -- Interpreted code gets an error instead.
    ["in a loop"] = { "while true do end",
      support.jit and taken_over or "the drain deadline has passed while this code" },
    ["blocked in a library"] = { [[io.popen "sleep 20":read "*a"]], taken_over },
  } do
    local never, line = case[1], case[2]
    it("does not keep what was received from being counted and kept: " .. name, function()
      local letters = support.folder() .. "/letters"
      local child = start(own_jobs .. [[
for job in jobs do
  print "busy"
  ]] .. never .. [[

end]], "--drain-timeout", "0.5", "--restart", "--dead-letter", letters)
      child:expect "busy"
      zeroless.sleep(0.2)
      child:kill "sigterm"
      child:wait()
      assert.equal(75, child.code, child.stderr)
      assert.matches("stopping: SIGTERM", child.stderr, 1, true)
      assert.equal(19, count(child), child.stderr)
      assert.matches(line, child.stderr, 1, true)
      local kept = assert(io.open(letters, "rb")):read "*a"
      for i = 1, 20 do assert.matches("job " .. i, kept, 1, true) end
    end)
  end
end)
