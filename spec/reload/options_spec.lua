-- SPDX-License-Identifier: MIT
-- How the next generation's socket is found again, and what may differ: ports, names, options, addresses.

local support = require "spec.support"
local worker = require "spec.reload.worker"
local zeroless = require "zeroless"

describe("a server on a free port", function()
  for _, again in ipairs { "Server()", "Server {}", "Server(state.port)", "Server { port = state.port }" } do
    it("stays on that port: " .. again, function()
      local w = worker.start { ([[
local server = state.port and %s or Server()
local pull = server:pull()
state.port = server.port
print(("port %%d of %%d"):format(server.port, zeroless.generation))
for message in pull do print(zeroless.generation .. message) end]]):format(again) }
      local port = tonumber(w:expect "of 1\n":match "port (%d+)")
      local push = worker.keep(zeroless.Client():connect_local(port)):push()
      push "a"
      w:expect "1a\n"
      for generation = 2, 3 do
        w:reload()
        w:expect(("port %d of %d\n"):format(port, generation))
        push "a"
        w:expect(generation .. "a\n")
      end
      assert.equal(1, w:has_told "Binding")
      assert.equal(2, w:has_told "Keeping the pull at tcp://")
    end)
  end

  it("is told apart from another by what it was asked for", function()
    local w = worker.start { [[
local one, other = Server { host = "127.0.0.1" }, Server()
local a, b = one:pull(), other:pull()
print(("ports %d %d of %d"):format(one.port, other.port, zeroless.generation))
a()]] }
    local one, other = w:expect "of 1\n":match "ports (%d+) (%d+)"
    w:save [[
local other, one = Server(), Server { host = "127.0.0.1" }
local a, b = one:pull(), other:pull()
print(("ports %d %d of %d"):format(one.port, other.port, zeroless.generation))
b()]]
    w:reload()
    w:expect(("ports %d %d of 2\n"):format(one, other))
  end)
end)

describe("a socket with a name", function()
  it("is found by it, on another port; the old one is given back when the new code serves", function()
    local function script(port)
      return ([[
local server = Server { host = "127.0.0.1", port = %d, name = "work" }
local pull = server:pull()
print(server.port, server.endpoint)
for message in pull do print(zeroless.generation .. message) end]]):format(port)
    end
    local one, other = support.free_port(), support.free_port()
    local w = worker.start { script(one) }
    w:expect(one .. "\ttcp://127.0.0.1:" .. one)
    local push = worker.keep(zeroless.Client():connect_local(one)):push()
    push "a"
    w:expect "1a"
    assert.equal("start", w:reload((script(other):gsub("for message", "error 'boom'\n%0"))).stage)
    local also = worker.keep(zeroless.Server { host = "127.0.0.1", port = other })
    -- libzmq gives the endpoint of a closed socket back in the background.
    support.eventually(function() return (pcall(also.pull, also)) end, "the endpoint to be free")
    also:close()
    w:reload(script(other))
    w:expect(other .. "\ttcp://127.0.0.1:" .. other)
    local push_too = worker.keep(zeroless.Client():connect_local(other)):push()
    push_too "c"
    w:expect "c\n"
    w:told "Unbinding tcp://127.0.0.1:"
    worker.keep(zeroless.Server { host = "127.0.0.1", port = one }):pull()
  end)

  it("is another one for another name, or for none", function()
    local w = worker.start { [[
local server = Server { name = state.name or "one" }
state.name = "two"
local pull = server:pull()
print("port " .. server.port .. " of " .. zeroless.generation)
pull()]] }
    local port = w:expect "of 1\n":match "port (%d+)"
    w:reload()
    assert.not_equal(port, w:expect "of 2\n":match "port (%d+) of 2")
    w:told "Closing the pull at tcp://"
  end)
end)

-- {option, its value in the next generation, pattern}
local lasting = {
  { "send_hwm", "5", "push" }, { "receive_hwm", "5", "pull" }, { "max_message_size", "100000000", "pull" },
  { "immediate", "true", "push" }, { "heartbeat", "1", "pull" }, { "conflate", "true", "sub" },
}

describe("an option that a socket keeps for life opens another at the same place, and is named:", function()
  for _, case in ipairs(lasting) do
    local option, value, pattern = unpack(case)
    it(option, function()
      local function script(options, after)
        return ([[
local server = Server()
local %s = server:%s { %s }
print("port " .. server.port .. " of " .. zeroless.generation)
%szeroless.sleep(1000)]]):format(pattern, pattern, options, after or "")
      end
      local w = worker.start { script "" }
      local port = w:expect "of 1\n":match "port (%d+)"
      local changed = option .. " = " .. value
      assert.equal("start", w:reload(script(changed, "error 'boom' ")).stage)
      assert.equal("reloaded", w:reload(script(changed)).msg)
      w:expect(("port %d of 2\n"):format(port))
      local record = w:told("Opening another " .. pattern)
      assert.matches("'" .. option .. "'", record.msg, 1, true)
      assert.equal("worker.lua:2", record.source)
      assert.equal("reloaded", w:reload(script(changed) .. " ").msg)
      w:expect(("port %d of 3\n"):format(port))
      assert.equal(2, w:has_told "Opening another")
    end)
  end
end)

describe("a port given up for another socket is bound again when the new code fails", function()
  it("and the old socket has its queue and its peers' messages", function()
    local w = worker.start { [[
local server = Server()
local pull = server:pull()
state.port = server.port
print("port " .. server.port)
for message in pull do print(zeroless.generation .. message) end]] }
    local port = tonumber(w:expect "\n":match "port (%d+)")
    local push = worker.keep(zeroless.Client():connect_local(port)):push()
    push "a"
    w:expect "1a"
    for i = 1, 3 do
      w:reload [[
local pull = Server { port = state.port, receive_hwm = 5 }:pull()
error "boom"]]
      push("b" .. i)
      w:expect("1b" .. i)
      local another = zeroless.Client():connect_local(port)
      another:push() ("c" .. i)
      w:expect("1c" .. i)
      another:close()
    end
  end)
end)

describe("an option that can change in place does:", function()
  it("timeout and retries", function()
    local w = worker.new { [[
local ask, replies = Client():connect "ipc://elsewhere":request()
print "ready"
zeroless.sleep(1000)]] }
    local _, requests = w:server "elsewhere":reply()
    w:run():expect "ready"
    w:reload [[
local ask, replies = Client():connect "ipc://elsewhere":request { timeout = 0.02, retries = 2 }
ask "a"
print(replies())
zeroless.sleep(1000)]]
    w:expect "nil\ttimeout"
    assert.equal("a", requests:recv(support.patience))
    assert.equal(1, w:has_told "Keeping the request")
  end)

  it("the timeout of a push", function()
    local w = worker.start { [[
local push = Client { timeout = zeroless.generation == 1 and 1000 or 0.01, hwm = 1, immediate = true }:push()
print(zeroless.generation, push "a")]] }
    w:idle()
    w:reload()
    w:expect "2\tnil\ttimeout"
    w:ends(0)
  end)

  it("a max_message_size up to 64 MiB", function()
    local w = worker.start { [[
local limit = zeroless.generation == 2 and 10 or nil
local pull = Server { endpoint = "ipc://w.sock" }:pull { max_message_size = limit }
print("generation " .. zeroless.generation)
for message in pull do print(zeroless.generation .. message) end]] }
    local push = w:client():push()
    for generation = 1, 3 do
      if generation > 1 then w:reload() end
      w:expect("generation " .. generation)
      push "more than ten"
      push "short"
      w:expect(generation .. "short")
    end
    assert.matches("1more than ten\n1short\ngeneration 2\n2short\ngeneration 3\n3more than ten\n3short\n",
      w.child.stdout, 1, true)
    assert.equal(2, w:has_told "Keeping the pull")
    assert.equal(1, w:has_told "max_message_size")
  end)

  it("topic and embed_topic of a pub", function()
    local w = worker.start { [[
local pub = Server { endpoint = "ipc://w.sock" }:pub()
pub:wait_subscribers(1)
pub("1")
print "sent"
zeroless.sleep(1000)]] }
    local sub = w:client():sub()
    assert.equal("1", sub())
    w:expect "sent"
    w:reload [[
local pub = Server { endpoint = "ipc://w.sock" }:pub { topic = "t", embed_topic = true }
pub("2")
zeroless.sleep(1000)]]
    assert.same({ "t", "2" }, { sub() })
    w:reload [[
local pub = Server { endpoint = "ipc://w.sock" }:pub { topic = "u" }
print(pcall(pub, "3"))
pub("u3")
zeroless.sleep(1000)]]
    assert.equal("u3", sub())
    w:expect "must begin with the topic"
    assert.equal(2, w:has_told "Keeping the pub")
  end)

  it("exact of a sub, lossless of a pub", function()
    local w = worker.start { [[
local exact = zeroless.generation == 2
local sub = Server { endpoint = "ipc://w.sock" }:sub { topics = { "a" }, exact = exact }
local pub = Server { endpoint = "ipc://pub", hwm = 1 }:pub { lossless = exact }
print("generation " .. zeroless.generation)
zeroless.spawn(function() for message in sub do print(zeroless.generation .. message) end end)
pub:wait_subscribers(1)
if exact then for i = 1, 3000 do pub(("x"):rep(1000)) end end
zeroless.sleep(1000)]] }
    w:expect "generation 1"
    local subscriber = worker.keep(zeroless.Client { hwm = 1 }:connect(w:at "pub")):sub()
    local pub = w:client():pub()
    pub:wait_subscribers(1)
    pub "ab"
    w:expect "1ab"
    w:reload()
    for _ = 1, 3000 do assert.equal(1000, #subscriber:recv(support.patience)) end
    pub "ab"
    pub "a"
    w:expect "2a\n"
    w:reload()
    pub "ab"
    w:expect "3ab"
    assert.not_matches("2ab", w.child.stdout)
  end)
end)
