-- SPDX-License-Identifier: MIT
-- --probation N: the generation before stays until the new one has handled N messages.

local support = require "spec.support"
local worker = require "spec.reload.worker"

local good = [[
state.seen = state.seen or 0
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  state.seen = state.seen + 1
  print(zeroless.generation .. " " .. message .. " " .. state.seen)
end]]

local bad = [[
local pull = Server { endpoint = "ipc://w.sock" }:pull()
print("generation " .. zeroless.generation)
state.seen = -100
for message in pull do
  if message == "bad" then error "boom" end
  print(zeroless.generation .. " " .. message)
end]]

local function start(text, ...)
  local w = worker.start { text, "--probation", "3", ... }
  w:told "Ready..."
  w.push = w:client():push()
  return w
end

-- A reload whose generation serves on probation; its line comes later.
local function try(w, text)
  local told = w:has_told "serves on probation"
  w:save(text)
  w:kill "sighup"
  w:told("serves on probation", told + 1)
end

describe("a generation on probation", function()
  it("has proved itself after N messages", function()
    local w = start(good)
    w.push "a"
    w:expect "1 a 1\n"
    try(w, good .. "\n zeroless.on_reload(print)")
    assert.equal("info", w:told("generation 2 serves on probation until it has handled 3 messages").level)
    for i = 1, 3 do
      w.push(tostring(i))
      w:expect(("2 %d %d\n"):format(i, i + 1))
    end
    local attempt = w:attempt(1)
    assert.equal("reloaded", attempt.msg)
    assert.equal("probation", attempt.stage)
    assert.equal(2, attempt.generation)
    assert.equal("number", type(attempt.commit_us))
    w.push "b"
    w:expect "2 b 5\n"
  end)

  it("is taken back at an uncaught error; the old one gets the message, and its state is as it was", function()
    local w = start(good)
    w.push "a"
    w:expect "1 a 1\n"
    try(w, bad)
    w.push "b"
    w.push "bad"
    w.push "c"
    assert.equal("1 a 1\ngeneration 2\n2 b\n1 bad 2\n1 c 3\n", w:expect "1 c 3\n")
    local attempt = w:attempt(1)
    assert.equal("reload failed; still serving generation 1", attempt.msg)
    assert.equal("probation", attempt.stage)
    assert.equal("worker.lua:5: boom", attempt.error)
    assert.equal(2, attempt.generation)
    w:told "it is given again"
    assert.matches("goes back to that of generation 1: what generation 2 has changed in it since its start, "
      .. "over 1 messages, is discarded", w:told "zeroless.state goes back".msg, 1, true)
    try(w, good .. " ")
    for i = 1, 3 do w.push(tostring(i)) end
    w:expect "3 6\n"
    assert.equal("reloaded", w:attempt(2).msg)
    assert.equal(3, w:attempt(2).generation)
  end)

  it("gives a request back that it has not answered, and one that it has does not come again", function()
    local w = worker.start { [[
local answer, requests = Server { endpoint = "ipc://w.sock" }:reply()
for request in requests do answer(zeroless.generation .. request) end]], "--probation", "10" }
    w:told "Ready..."
    local ask, replies = w:client():request()
    local before = [[
local answer, requests = Server { endpoint = "ipc://w.sock" }:reply()
for request in requests do
  if request == "before" then error "boom" end
  answer(zeroless.generation .. request)
  if request == "after" then error "boom" end
end]]
    try(w, before)
    ask "a"
    assert.equal("2a", replies())
    ask "before"
    assert.equal("1before", replies())
    assert.equal(0, w:has_told "zeroless.state")
    try(w, before .. " ")
    ask "after"
    assert.matches("^%dafter$", replies())
    w:attempt(2)
    ask "b"
    assert.equal("1b", replies())
  end)

  it("that ends before it has proved itself is taken back", function()
    local w = start(good)
    try(w, [[
local pull = Server { endpoint = "ipc://w.sock" }:pull()
print(pull())]])
    w.push "a"
    w:expect "a\n"
    local attempt = w:attempt(1)
    assert.equal("probation", attempt.stage)
    assert.matches("the script has ended after 1 of 3 messages of its probation", attempt.error)
    w.push "b"
    w:expect "1 b 1\n"
  end)

  it("may be followed by another, behind which the proven one stays", function()
    local w = start(good)
    w.push "a"
    w:expect "1 a 1\n"
    try(w, bad)
    w.push "b"
    w:expect "2 b\n"
    try(w, bad .. " ")
    w:expect "generation 3"
    w.push "bad"
    w:expect "1 bad 2\n"
    assert.equal("replaced while it served on probation", w:attempt(1).msg)
    assert.equal(2, w:attempt(1).generation)
    assert.equal("reload failed; still serving generation 1", w:attempt(2).msg)
    assert.equal(3, w:attempt(2).generation)
  end)

  it("may be followed by a save that fails: it goes on, still on probation", function()
    local w = start(good)
    try(w, bad)
    w:kill "sighup"
    w:told("serves on probation", 2)
    w:save "local ="
    w:kill "sighup"
    assert.equal("reload failed; still serving generation 3", w:attempt(2).msg)
    w.push "b"
    w:expect "3 b\n"
    w.push "bad"
    w:expect "1 bad 1\n"
  end)

  it("may have an attempt wait for its message in hand, with which it proves itself, or fails", function()
    local slow = [[
local ask, replies = Client():connect "ipc://elsewhere":request()
print("generation " .. zeroless.generation)
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  ask(message)
  print(zeroless.generation .. " " .. message .. " " .. replies())
  if message == "bad" then error "boom" end
end]]
    for _, message in ipairs { "fine", "bad" } do
      local w = worker.new { good, "--probation", "1" }
      local answer, requests = w:server "elsewhere":reply()
      w:run():told "Ready..."
      try(w, slow)
      local push = w:client():push()
      push(message)
      requests()
      w:save(slow .. " ")
      w:park()
      answer "!"
      local attempt = w:attempt(1)
      assert.equal(2, attempt.generation)
      assert.equal("probation", attempt.stage)
      w:expect "generation 3\n"
      if message == "bad" then
        assert.equal("reload failed; still serving generation 1", attempt.msg)
        assert.equal("bad", requests())
        answer "?"
        w:expect "1 bad 1\n"
        assert.equal("reload failed; still serving generation 1", w:attempt(2).msg)
      else
        assert.equal("reloaded", attempt.msg)
        push "next"
        assert.equal("next", requests())
        answer "?"
        w:expect "3 next ?\n"
        assert.equal("reloaded", w:attempt(2).msg)
      end
      assert.equal(3, w:attempt(2).generation)
    end
  end)

  it("stops in good order", function()
    local w = start(good .. " print 'after 1'")
    try(w, bad .. " print 'after 2'")
    w.push "b"
    w:expect "2 b\n"
    w:ends(0, "sigterm")
    assert.matches("2 b\nafter 2\n$", w.child.stdout)
    assert.equal(0, #w:attempts())
  end)

  it("has the topics of a sub to itself, though the old one may come back", function()
    local function script(topic)
      return ([[
local sub = Server { endpoint = "ipc://w.sock" }:sub { topics = { %q } }
for message in sub do
  if message == "bad" and zeroless.generation == 2 then error "boom" end
  print(zeroless.generation .. " " .. message)
end]]):format(topic)
    end
    local w = worker.start { script "a", "--probation", "100" }
    w:told "Ready..."
    local pub = w:client():pub()
    pub:wait_subscribers(1)
    try(w, script "b")
    pub:wait_subscribers(2)
    for i = 1, 5 do
      pub("a" .. i)
      pub("b" .. i)
    end
    w:expect "2 b5"
    pub "bad"
    w:attempt(1)
    pub "a6"
    assert.equal("2 b1\n2 b2\n2 b3\n2 b4\n2 b5\n1 bad\n1 a6\n", w:expect "1 a6\n")
    support.eventually(function() return pub.subscribers == 1 end, "the end of a subscription")
  end)

  it("keeps the port that it was given although a save fails meanwhile, and gives it back at its own end", function()
    local text = [[
for message in Server { endpoint = "ipc://w.sock"%s }:pull() do
  if message == "bad" and zeroless.generation == 2 then error "boom" end
  print(zeroless.generation .. message)
end]]
    local w = start(text:format "")
    w.push "a"
    w:expect "1a\n"
    try(w, text:format ", receive_hwm = 7")
    for i = 1, 2 do
      local failing = ("Server { endpoint = 'ipc://w.sock', receive_hwm = %d }:pull() error 'no'"):format(i)
      assert.equal("start", w:reload(failing).stage)
    end
    worker.keep(w:client()):push() "b"
    w:expect "2b\n"
    worker.keep(w:client()):push() "bad"
    w:attempt(3)
    worker.keep(w:client()):push() "c"
    w:expect "1c\n"
    assert.equal(0, w:has_told "cannot bind")
  end)

  it("is no matter when nobody served before", function()
    local w = start("for _ in Server { endpoint = 'ipc://w.sock' }:pull() do error 'boom' end", "--watch")
    w.push "a"
    w:told "its sockets stay open"
    w:save(good)
    assert.equal("commit", w:attempt(1).stage)
    w.push "b"
    w:expect "2 b 1"
  end)
end)
