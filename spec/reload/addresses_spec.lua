-- SPDX-License-Identifier: MIT
-- Clients whose addresses change from one generation to the next, and sockets that nobody opens any more.

local support = require "spec.support"
local worker = require "spec.reload.worker"
local zeroless = require "zeroless"

-- A worker with servers a, b and c as peers: self.a, self.b, self.c receive.
local function start(text, ...)
  local w = worker.new { text, ... }
  for _, name in ipairs { "a", "b", "c" } do w[name] = w:server(name):pull() end
  return w:run()
end

local function push_to(names, more)
  local text = "local client = Client()\n"
  for name in names:gmatch "%a" do text = text .. ("client:connect('ipc://%s')\n"):format(name) end
  return text .. "local push = client:push()\n" .. (more or "") .. [[
print("generation " .. zeroless.generation)
local go = Server { endpoint = "ipc://w.sock" }:pull()
zeroless.spawn(function()
  go()
  for i = 1, 4 do push(tostring(zeroless.generation)) end
end)
zeroless.after(1000, print)]]
end

local function have(w, names, message)
  for name in names:gmatch "%a" do
    assert.equal(message, w[name]:recv(support.patience))
  end
end

describe("a client in the next generation", function()
  it("keeps the connections that both have, makes the new ones and ends the others", function()
    local w = start(push_to "a b")
    local go = w:client():push()
    w:expect "generation 1"
    go ""
    have(w, "a b a b", "1")
    w:reload(push_to "b c")
    w:told "Disconnecting from ipc://a"
    w:expect "generation 2"
    zeroless.sleep(0.05) -- ipc://c is connected in the background; a push prefers who is there
    go ""
    have(w, "b c b c", "2")
    assert.equal(1, w:has_told "Keeping the push")
    assert.equal(1, w:has_told "Disconnecting")
    assert.equal(0, w:has_told "Closing")
    assert.is_nil((w.a:recv(0.01)))
  end)

  it("may connect after its pattern is made, and disconnect", function()
    local w = start(push_to "a b")
    w:expect "generation 1"
    w:reload [[
local client = Client():connect("ipc://b")
local push = client:push()
client:connect "ipc://c"
client:disconnect "ipc://b"
for _ in Server { endpoint = "ipc://w.sock" }:pull() do
  push "2"
  push "2"
end]]
    w:told "Disconnecting from ipc://a"
    w:client():push() ""
    have(w, "c c", "2")
    assert.equal(1, w:has_told "Keeping the push")
  end)

  it("may have had no address before, or have none any more", function()
    local w = start [[
local client = Client()
local push = client:push()
print("generation " .. zeroless.generation)
if zeroless.generation == 2 then client:connect "ipc://a" push("2") end
zeroless.sleep(1000)]]
    w:expect "generation 1"
    w:reload()
    have(w, "a", "2")
    assert.equal(1, w:has_told "Keeping the push")
  end)

  it("that fails leaves the connections as they were", function()
    local w = start(push_to "a b")
    local go = w:client():push()
    w:expect "generation 1"
    assert.equal("start", w:reload(push_to("b c", "client:disconnect 'ipc://b' error 'boom'")).stage)
    assert.equal("start", w:reload(push_to("c a", "client:disconnect_all() error 'boom'")).stage)
    assert.equal("start", w:reload(push_to("a", "client:close() error 'boom'")).stage)
    go ""
    have(w, "a b a b", "1")
    assert.is_nil((w.c:recv(0.02)))
  end)

  it("has the same sockets again when it has several to one address", function()
    local w = start [[
local one = Client():connect("ipc://a"):push()
local other = Client():connect("ipc://a"):push()
one("one " .. zeroless.generation)
other("other " .. zeroless.generation)
print("sent " .. zeroless.generation)
zeroless.sleep(1000)]]
    w:told("Ready...", 2)
    for generation = 1, 3 do
      if generation > 1 then w:reload() end
      w:expect("sent " .. generation)
    end
    local seen = {}
    for _ = 1, 6 do seen[w.a:recv(support.patience)] = true end
    for generation = 1, 3 do assert.is_true(seen["one " .. generation] and seen["other " .. generation]) end
    assert.equal(4, w:has_told "Keeping the push")
    assert.equal(2, w:has_told "Connecting to")
  end)
end)

describe("a server in the next generation that fails", function()
  it("after it has closed what it took over leaves it open", function()
    local w = worker.start { [[
for message in Server { endpoint = "ipc://w.sock" }:pull() do print(zeroless.generation .. message) end]] }
    w:told "Ready..."
    local push = w:client():push()
    push "a"
    w:expect "1a"
    local attempt = w:reload [[
local server = Server { endpoint = "ipc://w.sock" }
local pull = server:pull()
server:close()
assert(select(2, pull()) == "closed")
error "boom"]]
    assert.matches("boom", attempt.error)
    push "b"
    w:expect "1b"
  end)
end)

describe("a server that the next generation closes and opens again", function()
  it("is open", function()
    local text = [[
local server = Server { endpoint = "ipc://w.sock" }
server:pull()
server:close()
for message in Server { endpoint = "ipc://w.sock" }:pull() do print(zeroless.generation .. message) end]]
    local w = worker.start { text }
    w:told("Ready...", 2)
    local push = w:client():push()
    push "a"
    w:expect "1a"
    assert.equal("reloaded", w:reload(text .. " ").msg)
    push "b"
    w:expect "2b"
  end)
end)

describe("a socket that the next generation does not open", function()
  it("is closed in good order: what was sent is flushed, and its port is free", function()
    local w = worker.start { [[
local server = Server { host = "127.0.0.1" }
local push = server:push()
print("port " .. server.port)
for i = 1, 3000 do push(("x"):rep(1000)) end
print "sent"
zeroless.sleep(1000)]] }
    local port = tonumber(w:expect "\n":match "port (%d+)")
    local client = worker.keep(zeroless.Client { hwm = 1 })
    local pull = client:connect_local(port):pull()
    assert.equal(1000, #pull())
    w:reload [[
print "generation 2"
Server { endpoint = "ipc://w.sock" }:pull()()]]
    w:told(("Closing the push at tcp://127.0.0.1:%d, which the script no longer opens"):format(port))
    local server = worker.keep(zeroless.Server { host = "127.0.0.1", port = port })
    support.eventually(function() return pcall(server.pull, server) end, "the port to be free")
    local count = 1
    while pull:recv(0.3) do count = count + 1 end
    assert.is_true(count > 500)
  end)

  it("is closed at once when the main task has ended, or receives", function()
    local w = worker.start { [[
Server { endpoint = "ipc://one" }:pull()
zeroless.after(1000, print)]] }
    w:told "Ready..."
    w:reload [[
Server { endpoint = "ipc://two" }:pull()
zeroless.after(1000, print)]]
    w:told "Closing the pull at ipc://one"
    w:reload [[Server { endpoint = "ipc://three" }:pull()()]]
    w:told "Closing the pull at ipc://two"
  end)

  it("waits for one that opens it later, in the main task or in a task that it has made", function()
    local w = worker.start { [[
zeroless.sleep(0.001)
for i = 1, 3 do zeroless.sleep(0.01) end
zeroless.spawn(function()
  for message in Server { endpoint = "ipc://also" }:pull() do print(zeroless.generation .. message) end
end)
for message in Server { endpoint = "ipc://w.sock" }:pull() do print(zeroless.generation .. message) end]] }
    w:told("Ready...", 2)
    local push, also = w:client():push(), w:client "also":push()
    push "a"
    also "b"
    w:expect "1a"
    w:expect "1b"
    w:kill "sighup"
    for i = 1, 100 do
      push("c" .. i)
      also("d" .. i)
    end
    w:expect "c100\n"
    w:expect "d100\n"
    assert.equal("reloaded", w:attempt(1).msg)
    w:told("Keeping the pull", 2)
    for i = 1, 100 do
      for _, name in ipairs { "c", "d" } do
        local _, count = w.child.stdout:gsub("%d" .. name .. i .. "\n", "")
        assert.equal(1, count)
      end
    end
  end)

  it("waits ten seconds at the most, and not while nobody serves", function()
    local sleepy = [[
if zeroless.generation == 1 then
  Server { endpoint = "ipc://one" }:pull()
  print "generation 1"
end
zeroless.sleep(1000)]]
    local crashed = [[
if zeroless.generation < 3 then zeroless.sleep(0.001) end
local pull = zeroless.generation ~= 2 and Server { endpoint = "ipc://one" }:pull()
print("generation " .. zeroless.generation)
if zeroless.generation == 2 then error "boom" end
print(pull())]]
    local w = worker.start { sleepy }
    local v = worker.start { crashed, "--watch" }
    for _, each in ipairs { w, v } do
      each:expect "generation 1"
      each:reload()
    end
    v:told "its sockets stay open"
    v:client "one":push() "kept"
    assert.equal(0, w:has_told "Closing")
    support.patience = support.patience + 10
    local from = zeroless.now()
    w:told "Closing the pull at ipc://one"
    support.patience = support.patience - 10
    assert.is_true(zeroless.now() - from > 5)
    zeroless.sleep(0.1)
    assert.equal(0, v:has_told "Closing")
    v:reload()
    v:expect "kept"
  end)
end)
