-- SPDX-License-Identifier: MIT
-- Endpoints that change hands in one save.

local support = require "spec.support"
local worker = require "spec.reload.worker"
local zeroless = require "zeroless"

-- Two named pulls at these endpoints, each telling its name with what it gets.
local function two(a, b, more)
  return ([[
for name, endpoint in pairs { a = %q, b = %q } do
  local pull = Server { endpoint = endpoint, name = name }:pull()
  zeroless.spawn(function()
    for message in pull do
      if message == "bad" and zeroless.generation > 1 then error "boom" end
      print(zeroless.generation .. " " .. name .. " " .. message)
    end
  end)
end
%s
zeroless.sleep(1000)]]):format(a, b, more or "")
end

local function tcp_pair()
  local endpoints = {}
  for i = 1, 2 do endpoints[i] = "tcp://127.0.0.1:" .. support.free_port() end
  return unpack(endpoints)
end

local function push_to(endpoint)
  return worker.keep(zeroless.Client():connect(endpoint)):push()
end

-- Sends until the line is printed: a message on its way to a connection that is just ending goes with it.
local function reaches(w, push, text, line)
  support.eventually(function()
    push(text)
    zeroless.sleep(0.02)
    return w.child.stdout:find(line, 1, true)
  end, line)
end

describe("two named servers", function()
  it("swap their ports in one save, and again", function()
    local one, other = tcp_pair()
    local w = worker.start { two(one, other) }
    w:told("Ready...", 2)
    local first, second = push_to(one), push_to(other)
    first "1"
    second "2"
    w:expect "1 a 1\n"
    w:expect "1 b 2\n"
    assert.equal("reloaded", w:reload(two(other, one)).msg)
    reaches(w, first, "3", "2 b 3\n")
    reaches(w, second, "4", "2 a 4\n")
    for generation = 3, 6 do
      local straight = generation % 2 == 1
      assert.equal("reloaded", w:reload(straight and two(one, other) or two(other, one)).msg)
      reaches(w, first, "5", ("%d %s 5\n"):format(generation, straight and "a" or "b"))
      reaches(w, second, "6", ("%d %s 6\n"):format(generation, straight and "b" or "a"))
    end
    assert.equal(0, w:has_told "cannot bind")
  end)

  it("swap back when the new code fails at its start", function()
    local one, other = tcp_pair()
    local w = worker.start { two(one, other) }
    w:told("Ready...", 2)
    local first, second = push_to(one), push_to(other)
    assert.equal("start", w:reload(two(other, one, "error 'boom'")).stage)
    first "1"
    second "2"
    w:expect "1 a 1\n"
    w:expect "1 b 2\n"
    assert.equal("reloaded", w:reload(two(other, one)).msg)
    reaches(w, first, "3", "2 b 3\n")
  end)

  it("swap back when the new code fails on probation", function()
    local one, other = tcp_pair()
    local w = worker.start { two(one, other), "--probation", "10" }
    w:told("Ready...", 2)
    local first, second = push_to(one), push_to(other)
    w:save(two(other, one))
    w:kill "sighup"
    w:told "serves on probation"
    reaches(w, first, "1", "2 b 1\n")
    support.eventually(function()
      second "bad"
      zeroless.sleep(0.02)
      return #w:attempts() > 0
    end, "the rollback")
    assert.equal("probation", w:attempt(1).stage)
    w:expect "1 a bad\n"
    reaches(w, first, "3", "1 a 3\n")
    reaches(w, second, "4", "1 b 4\n")
    assert.equal(0, w:has_told "cannot bind")
  end)

  it("raise when they want the same port", function()
    local one, other = tcp_pair()
    local w = worker.start { two(one, other) }
    w:told("Ready...", 2)
    local attempt = w:reload(two(other, other))
    assert.equal("start", attempt.stage)
    assert.matches("is already in use", attempt.error, 1, true)
    push_to(one) "1"
    w:expect "1 a 1\n"
  end)
end)

describe("a port whose pattern changes", function()
  it("goes to the new socket when the new code serves", function()
    local port = support.free_port()
    local w = worker.start { ("Server { host = '127.0.0.1', port = %d }:pull()()"):format(port) }
    w:told "Ready..."
    local attempt = w:reload(([[
local answer, requests = Server { host = '127.0.0.1', port = %d }:reply()
for request in requests do answer(request) end]]):format(port))
    assert.equal("reloaded", attempt.msg)
    local ask, replies = worker.keep(zeroless.Client():connect_local(port)):request()
    ask "1"
    assert.equal("1", replies())
  end)
end)

describe("every", function()
  it("ticks although reloads come faster than its time", function()
    local text = "zeroless.every(0.5, function() print('tick ' .. zeroless.now()) end) print 'up' zeroless.sleep(1000)"
    local w = worker.start { text }
    w:expect "up"
    local from = zeroless.now()
    local ticks = 0
    support.eventually(function()
      w:reload()
      local until_next = zeroless.now() + 0.3
      while zeroless.now() < until_next do zeroless.sleep(0.01) end
      ticks = select(2, w.child.stdout:gsub("tick", ""))
      return ticks >= 8
    end, "ticks")
    local took = zeroless.now() - from
    assert.is_true(ticks <= took / 0.5 + 2, ("%d ticks in %f s"):format(ticks, took))
    assert.is_true(took < 20, took)
  end)

  it("of the first generation, and of one that serves, ticks after its time", function()
    local w = worker.start { [[
local function measure(name)
  local from, timer = zeroless.now()
  timer = zeroless.every(0.2, function() timer:stop() print(name, zeroless.now() - from >= 0.2) end)
end
if zeroless.generation == 1 then measure "first" end
zeroless.sleep(0.03)
measure "later"
zeroless.sleep(1000)]] }
    w:expect "later\ttrue"
    w:expect "first\ttrue"
    w:reload()
    support.eventually(function() return select(2, w.child.stdout:gsub("later\ttrue", "")) == 2 end)
  end)
end)
