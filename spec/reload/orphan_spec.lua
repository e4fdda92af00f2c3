-- SPDX-License-Identifier: MIT
-- Sockets that a new version does not open: they queue while a save may be in progress, and what they had
-- received is counted or set aside when they are closed after all.

local dead_letters = require "spec.dead_letters"
local support = require "spec.support"
local worker = require "spec.reload.worker"
local zeroless = require "zeroless"

local serving = [[
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  if message == "wait" then zeroless.sleep(0.2) end
  print(zeroless.generation .. " " .. message)
end]]

-- What a save leaves behind for a moment: valid Lua that opens nothing.
local halves = {
  ["a licence comment"] = "-- All rights reserved.",
  ["an early return"] = "do return end\n" .. serving,
  ["timers alone"] = "zeroless.every(1000, print)",
  ["a socket that nothing uses"] = "local pull = Server { endpoint = 'ipc://other' }:pull()",
}

local function push_all(w, count)
  for i = 1, count do w.push(tostring(i)) end
end

local function expect_all(w, generation, count)
  w:expect(generation .. " " .. count .. "\n")
  for i = 1, count do assert.matches(("\n%d %d\n"):format(generation, i), w.child.stdout, 1, true) end
end

local function start(...)
  local w = worker.start { serving, ... }
  w:told "Ready..."
  w.push = w:client():push()
  return w
end

describe("a save in two steps, of which the first opens nothing,", function()
  for name, half in pairs(halves) do
    it("loses nothing under --watch: " .. name, function()
      local w = start "--watch"
      w.push "wait"
      push_all(w, 400)
      w:save(half)
      assert.equal("reloaded", w:attempt(1).msg)
      for i = 401, 800 do w.push(tostring(i)) end
      w:idle()
      assert.equal(0, w:has_told "Closing the pull at ipc://w.sock")
      w:save(serving)
      assert.equal("reloaded", w:attempt(2).msg)
      expect_all(w, 3, 800)
    end)
  end

  it("loses nothing without --watch when the second comes soon", function()
    local w = start()
    w.push "wait"
    push_all(w, 800)
    assert.equal("reloaded", w:reload(halves["a licence comment"]).msg)
    w:idle()
    assert.equal("reloaded", w:reload(serving).msg)
    expect_all(w, 3, 800)
  end)

  it("says after a while under --watch that the sockets stay, and keeps them", function()
    local w = start "--watch"
    w.push "wait"
    push_all(w, 100)
    w:save(halves["a licence comment"])
    w:attempt(1)
    support.patience = support.patience + 10
    local record = w:told "1 socket of the generation before stays open and queues what comes"
    support.patience = support.patience - 10
    assert.equal("warn", record.level)
    assert.matches("the new version opens no socket", record.msg, 1, true)
    w:save(serving)
    expect_all(w, 3, 100)
  end)
end)

-- A pull at `port` whose handler is busy while `count` messages come; then its version for another port, which
-- has no name either.
local function change_port(count, ...)
  local text = [[
for message in Server { host = "127.0.0.1", port = %d }:pull() do
  if message == "wait" then print "waits" zeroless.sleep(0.3) end
end]]
  local port = support.free_port()
  local w = worker.start { text:format(port), ... }
  w:told "Ready..."
  local push = worker.keep(zeroless.Client { hwm = 10 }:connect_local(port)):push()
  push "wait"
  w:expect "waits"
  for i = 1, count do push(("message %d is here"):format(i)) end
  w:reload(text:format(support.free_port()))
  return w
end

describe("a pull whose port changes, without a name,", function()
  it("counts what it had received and nobody handles", function()
    local w = change_port(100)
    local record = w:told "Closing the pull at tcp://127.0.0.1"
    assert.equal("warn", record.level)
    assert.is_true(tonumber(record.msg:match "(%d+) messages that it had received are lost") > 0)
    assert.matches("a socket with a name keeps them", record.msg, 1, true)
  end)

  it("gives it to the dead letters", function()
    local path = support.folder() .. "/letters"
    local w = change_port(100, "--restart", "--dead-letter", path)
    local record = w:told "Closing the pull at tcp://127.0.0.1"
    local count = tonumber(record.msg:match "(%d+) messages that it had received are in the dead letters")
    assert.is_true(count > 0)
    assert.equal(count, #dead_letters.read(path))
  end)
end)

describe("a socket without unread messages that a new version does not open", function()
  it("is closed without a warning", function()
    local w = start()
    w:reload "Server { endpoint = 'ipc://other' }:pull()()"
    assert.equal("info", w:told "Closing the pull at ipc://w.sock".level)
  end)
end)
