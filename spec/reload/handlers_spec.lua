-- SPDX-License-Identifier: MIT
-- log.handler beside the host's changes: what the host logs in the middle of one reaches the handler between
-- tasks, and whatever the handler does then is safe (docs/hazards.md, row 37).

local support = require "spec.support"
local worker = require "spec.reload.worker"

local serve = [[
for message in Server { endpoint = "ipc://w.sock" }:pull() do print(zeroless.generation .. " " .. message) end]]

local function with_handler(handler, rest)
  return "zeroless.log.handler(" .. handler .. ")\n" .. (rest or serve)
end

local shout = [[function(r) io.stderr:write("handled by ]] .. "%d: " .. [[", r.message, "\n") end]]

local function handled(w, generation, text)
  return w.child.stderr:find(("handled by %d: %s"):format(generation, text), 1, true)
end

local function heard(w, generation, text)
  support.eventually(function() return handled(w, generation, text) or w.child.code end, w.child.stderr)
  assert.is_truthy(handled(w, generation, text), w.child.stderr)
end

describe("a script with a log handler that fails under --watch", function()
  it("is followed by a save that fails at its start, and one that serves, without a crash", function()
    local w = worker.start { with_handler("function() end", [[
local pull = Server { endpoint = "ipc://w.sock" }:pull()
print "ready"
for message in pull do error "boom" end]]), "--watch" }
    w:expect "ready"
    local push = w:client():push()
    push "bad"
    w:told "generation 1 has failed"
    w:save "error 'at the start'"
    assert.equal("worker.lua:1: at the start", w:attempt(1).error)
    for i = 1, 100 do push(tostring(i)) end
    w:save(serve)
    w:expect "2 100\n"
    local handled_all = {}
    for i = 1, 100 do handled_all[i] = ("2 %d\n"):format(i) end
    assert.equal("ready\n" .. table.concat(handled_all), w.child.stdout)
  end)
end)

describe("log.handler in on_reload", function()
  for name, call in pairs {
    ["set"] = "zeroless.log.handler(function() end)",
    ["reset"] = "zeroless.log.handler(nil)",
  } do
    it(name .. " concerns the generation that ends, not the next one's handler", function()
      local first = with_handler(shout:format(1), "zeroless.on_reload(function() " .. call
        .. " zeroless.log.level = 'silent' end)\n" .. serve)
      local w = worker.start { first }
      heard(w, 1, "Ready...")
      w:save(with_handler(shout:format(2)))
      w:kill "sighup"
      heard(w, 2, "reloaded")
      assert.is_nil(handled(w, 1, "reloaded"))
      w:client():push() "after"
      w:expect "2 after"
    end)
  end
end)

describe("log.handler in a finalizer", function()
  it("of a generation that is closed is refused, and the next one's handler stays", function()
    local first = [[
local p = newproxy(true)
getmetatable(p).__gc = function()
  for _, f in ipairs { print, false } do
    local ok, err = pcall(zeroless.log.handler, f or nil)
    print(ok, tostring(err):match "call refused")
  end
end
_G.p = p
]] .. serve
    local w = worker.start { first }
    w:told "Ready..."
    w:save(with_handler(shout:format(2)))
    w:kill "sighup"
    heard(w, 2, "reloaded")
    w:expect "false\tcall refused\nfalse\tcall refused\n"
    w:client():push() "after"
    w:expect "2 after\n"
    assert.is_nil(handled(w, 1, "reloaded"))
  end)
end)

describe("a log handler that", function()
  local all = { closes = "for _, s in pairs(sockets) do s:close() end", raises = "error 'no'",
    spawns = "zeroless.spawn(function() zeroless.sleep(0) end)",
    collects = "collectgarbage()", resets = "zeroless.log.handler(nil)",
    opens = "sockets[#sockets + 1] = Server { host = '127.0.0.1' }" .. "; sockets[#sockets]:pull()" }
  for name, action in pairs(all) do
    it(name .. " whatever the host does meanwhile is safe", function()
      local text = [[
local sockets, count = {}, 0
zeroless.log.handler(function(record)
  count = count + 1
  if count < 200 then ]] .. action .. [[ end
end)
for round = 1, 20 do
  local server = Server { host = "127.0.0.1" }
  local pull = server:pull()
  sockets[round] = server
  local push = zeroless.Client():connect_local(server.port or 1):push()
  push:try("message " .. round)
  push:close()
  if round % 3 == 0 then server:close() end
  zeroless.sleep(0)
end
zeroless.sleep(0.01)
print("handled", count > 0)
os.exit(0)]]
      local w = worker.start { text, "--log-level", "debug", "--drain-timeout", "0.1" }
      w:expect "handled\ttrue"
      w.child:wait() -- messages to sockets that the handler has closed may be unsent
      assert.equal(0, w.child.signal, w.child.stderr)
      assert.is_true(w.child.code == 0 or w.child.code == 75, w.child.stderr)
    end)
  end

  it("stops the process ends it in good order", function()
    local w = worker.start { with_handler("function() zeroless.stop(7) end") }
    w.child:wait()
    assert.equal(7, w.child.code, w.child.stderr)
  end)

  it("asks for a reload at each record gets one, and the log goes on", function()
    local w = worker.start { [[
local uv, asked = require "luv", false
zeroless.log.handler(function(record)
  if not asked then uv.kill(uv.os_getpid(), "sighup") end
  asked = true
  print("record", zeroless.generation, record.message)
end)
]] .. serve }
    assert.matches("record\t2\treloaded\n", w:expect "record\t2\treloaded\n", 1, true)
  end)

  it("closes every socket when one is closed does not take part in that", function()
    local w = worker.start { [[
local sockets = {}
zeroless.log.handler(function() for _, s in ipairs(sockets) do s:close() end end)
for i = 1, 10 do
  sockets[i] = Server { host = "127.0.0.1" }
  local push = zeroless.Client { timeout = 0.001 }:connect_local(1 + 1024):push()
  push "unsent"
  sockets[#sockets + 1] = push
end
zeroless.sleep(0.01)
print "alive"
zeroless.stop()]], "--log-level", "debug", "--drain-timeout", "0.1" }
    w:expect "alive"
    w.child:wait()
    assert.equal(0, w.child.signal, w.child.stderr)
  end)
end)

describe("a log handler that closes sockets while the host closes one", function()
  it("that the new script no longer opens", function()
    local w = worker.start { [[
local others = {}
for i = 1, 5 do others[i] = Server { endpoint = "ipc://other" .. i }:pull() end
]] .. serve }
    w:told("Ready...", 6)
    w:save [[
local servers = {}
zeroless.log.handler(function(record)
  if not record.message:find "no longer opens" then return end
  for i, server in pairs(servers) do
    server:close()
    servers[i] = nil
  end
  collectgarbage()
  print "closed"
end)
for i = 2, 4, 2 do
  servers[i] = Server { endpoint = "ipc://other" .. i }
  servers[i]:pull()
end
Server { endpoint = "ipc://w.sock" }:pull()()
print "received"]]
    w:kill "sighup"
    w:expect "closed"
    w:client():push() "a message"
    w:expect "received"
    assert.equal(("closed\n"):rep(3) .. "received\n", w.child.stdout)
    w:ends(0)
  end)

  it("with a message that is to be given again", function()
    local w = worker.start { [[
local pull
zeroless.log.handler(function(record)
  io.stderr:write("handled ", record.message, "\n")
  if state.again and pull and not record.message:find "failed" then pull:close() end
end)
local server = Server { endpoint = "ipc://w.sock" }
pull = server:pull()
io.stderr:write "up\n"
if state.again then
  zeroless.sleep(0.01)
  print "closing"
  server:close()
  zeroless.sleep(0.01)
  print "closed"
  zeroless.stop()
end
pull()
state.again = true
error "boom"]], "--restart", "--redeliver", "5" }
    support.eventually(function() return w.child.stderr:find "up" end)
    w:client():push() "message"
    w.child:wait()
    assert.equal(0, w.child.signal, w.child.stderr)
  end)
end)

describe("records", function()
  it("come to the handler in the order in which they were made, the script's and the host's", function()
    local w = worker.start { [[
local seen = {}
zeroless.log.handler(function(record) seen[#seen + 1] = record.message end)
zeroless.log.info "one"
local server = Server { host = "127.0.0.1" }
server:pull()
zeroless.log.info "two"
server:close()
print(table.concat(seen, "|"):gsub("tcp://[^|]*", "ADDRESS"))]] }
    w:ends(0)
    assert.equal("one|Binding ADDRESS|Ready...|two\t1\n", w.child.stdout)
  end)

  it("that no handler could get go to standard error", function()
    local w = worker.start { with_handler("function() end", [[
local server = Server { host = "127.0.0.1" }
server:pull()
error "boom"]]) }
    w:ends(1)
    assert.equal(1, w:has_told "Ready...")
  end)

  it("wait for a busy script in bounded number; the rest goes to standard error", function()
    local w = worker.start { [[
local n = 0
zeroless.log.handler(function() n = n + 1 end)
for _ = 1, 3000 do
  local server = Server { endpoint = "inproc://x" }
  server:pull()
  server:close()
end
zeroless.sleep(0)
zeroless.log.handler(nil)
print(n)]] }
    w:ends(0)
    local n = tonumber(w.child.stdout)
    assert.is_true(n >= 4096 and n < 6000, w.child.stdout)
    assert.is_true(w:has_told "Ready..." > 500)
  end)

  it("made while the process ends still reach the handler", function()
    local w = worker.start { with_handler(shout:format(1), [[
local push = zeroless.Client { timeout = 0.001 }:connect_local(1025):push()
push "unsent"
zeroless.stop()]]), "--drain-timeout", "0.1" }
    w.child:wait()
    assert.equal(0, w.child.signal)
    assert.is_truthy(handled(w, 1, "Ready..."), w.child.stderr)
  end)
end)

describe("a socket that the next generation has taken over", function()
  it("is not closed by on_reload of the one before", function()
    local w = worker.start { [[
local pull = Server { endpoint = "ipc://w.sock" }:pull()
zeroless.on_reload(function() pull:close() end)
for message in pull do print("1 " .. message) end]] }
    w:told "Ready..."
    local push = w:client():push()
    push "a"
    w:expect "1 a\n"
    w:reload(serve)
    for i = 1, 10 do push(tostring(i)) end
    w:expect "2 10\n"
    assert.equal("1 a\n2 1\n2 2\n2 3\n2 4\n2 5\n2 6\n2 7\n2 8\n2 9\n2 10\n", w.child.stdout)
  end)
end)
