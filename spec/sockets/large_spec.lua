-- SPDX-License-Identifier: MIT
-- Large frames leave without a copy: libzmq sends from the string's own memory, which must stay until
-- it is done, whatever the script and its state do meanwhile.

local support = require "spec.support"
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client

-- Around the size from which on a frame is large, and well above.
local sizes = { 65534, 65535, 65536, 65537, 100000, 1048576, 5000000 }

-- A text of its own for each i.
local function text(size, i)
  return (("%08d"):format(i)):rep(math.ceil(size / 8)):sub(1, size)
end

local function peers(endpoint, options)
  options = options or {}
  options.endpoint = endpoint
  local server = Server(options)
  local pull = server:pull()
  return pull, Client({ hwm = options.hwm }):connect(server.endpoint):push()
end

for _, endpoint in ipairs { "tcp://127.0.0.1:*", "inproc://large" } do
  describe("a large frame by " .. endpoint:match "^%w+", function()
    it("arrives whole although its string is collected before it leaves", function()
      local pull, push = peers(endpoint, { hwm = 0 })
      for i, size in ipairs(sizes) do
        push(text(size, i))
        collectgarbage()
        text(size, 99) -- what would take its place
      end
      for i, size in ipairs(sizes) do assert.is_true(text(size, i) == pull()) end
      pull:close()
    end)

    it("may be one of several, and sent again and again", function()
      local pull, push = peers(endpoint)
      local large = text(200000, 7)
      for _ = 1, 3 do push("a", large, "", large) end
      for _ = 1, 3 do
        local a, b, c, d = pull()
        assert.is_true(a == "a" and b == large and c == "" and d == large)
      end
      pull:close()
    end)

    it("is not lost when there was no room at first", function()
      local pull, push = peers(endpoint, { hwm = 1 })
      local task = zeroless.spawn(function()
        for i = 1, 40 do push(text(300000, i)) end
        return true
      end)
      for i = 1, 40 do assert.is_true(pull() == text(300000, i)) end
      assert(task:join(10))
      pull:close()
    end)
  end)
end

-- A pull whose queue takes one message, and its port.
local function unread_server()
  local server = Server { host = "127.0.0.1", hwm = 1 }
  return server:pull(), server.port
end

describe("large frames", function()
  it("go to every subscriber", function()
    local server = Server { host = "127.0.0.1" }
    local pub = server:pub()
    local subs = {}
    for i = 1, 3 do subs[i] = Client():connect_local(server.port):sub() end
    assert(pub:wait_subscribers(3, 10))
    pub(text(1000000, 1))
    collectgarbage()
    for i = 1, 3 do assert.is_true(subs[i]() == text(1000000, 1)) end
  end)

  it("travel to and fro as request and reply, again where there is no answer", function()
    local server = Server { host = "127.0.0.1" }
    local reply, requests = server:reply()
    local request, replies = Client():connect_local(server.port):request { timeout = 0.2, retries = 5 }
    local asked = 0
    zeroless.spawn(function()
      for body in requests do
        asked = asked + 1
        if asked == 2 then zeroless.sleep(0.3) end
        reply(body .. body)
      end
    end)
    for i = 1, 3 do
      request(text(500000, i))
      assert.is_true(replies() == text(500000, i):rep(2))
    end
    server:close()
    zeroless.sleep(0)
  end)

  it("are flushed by a script that ends, and is gone, right after", function()
    local pull, port = unread_server()
    local child = support.start_host { "-e", ([[
local push = require "zeroless".Client { hwm = 0 }:connect_local(%d):push()
for i = 1, 20 do push((("%%08d"):format(i)):rep(125000)) end]]):format(port) }
    for i = 1, 20 do assert.is_true(pull() == text(1000000, i)) end
    child:wait()
    assert.equal(0, child.code, child.stderr)
  end)

  it("outlive the generation that has sent them", function()
    local count = 48 -- more than the queue of a peer that does not read, with the kernel's, holds
    local pull, port = unread_server()
    local script = support.file(([[
local zeroless = require "zeroless"
local push = zeroless.Client { hwm = 0 }:connect_local(%d):push()
if zeroless.generation == 1 then
  for i = 1, %d do push((("%%08d"):format(i)):rep(125000)) end
end
print("generation " .. zeroless.generation)
zeroless.sleep(100)]]):format(port, count), "script.lua")
    local child = support.start_host { script }
    child:expect "generation 1"
    child:kill "sighup"
    child:expect "generation 2"
    for i = 1, count do assert.is_true(pull:recv(support.patience) == text(1000000, i)) end
    child:kill "sigterm"
    child:wait()
    assert.equal(0, child.code, child.stderr)
  end)
end)
