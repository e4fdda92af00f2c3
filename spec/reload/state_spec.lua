-- SPDX-License-Identifier: MIT
-- zeroless.state, which a reload carries over, and zeroless.on_reload.

local support = require "spec.support"
local worker = require "spec.reload.worker"

-- What each generation does with the state; it then waits.
local function start(text, ...)
  local w = worker.start { text .. "\nprint('generation ' .. zeroless.generation) zeroless.sleep(1000)", ... }
  w:expect "generation 1"
  return w
end

describe("zeroless.state", function()
  it("is an empty table at first, and the same for everybody who asks", function()
    local w = start [[
print(type(zeroless.state), next(zeroless.state), require "zeroless".state == zeroless.state)]]
    w:expect "table\tnil\ttrue\n"
  end)

  it("carries numbers, strings, booleans and tables, as values and as keys", function()
    local w = start [[
if zeroless.generation == 1 then
  state.numbers = { 0, -1, 1.5, 1e308, 2^53, math.huge, -math.huge, [0] = "zero", [-3] = 1, [0.5] = "half" }
  state.texts = { "", "a\0b", ("x"):rep(100000), [""] = "empty", ["a\0b"] = "NUL", ["\255"] = 1 }
  state.booleans = { true, false, [true] = "yes", [false] = "no" }
  state.nan = 0 / 0
  state.deep = { { { { a = { b = { {} } } } } } }
  state.sparse = { [1] = 1, [1000000] = 2 }
  local shared = { 1 }
  state.shared, state.again = shared, shared
else
  local n, t, b = state.numbers, state.texts, state.booleans
  print(n[1], n[2], n[3], n[4] == 1e308, n[5] == 2^53, n[6], n[7], n[0], n[-3], n[0.5])
  print(#t, #t[1], t[2] == "a\0b", t[3] == ("x"):rep(100000), t[""], t["a\0b"], t["\255"])
  print(b[1], b[2], b[true], b[false], state.nan ~= state.nan, type(state.deep[1][1][1].a.b[1]))
  print(state.sparse[1], state.sparse[1000000], state.shared[1], state.again[1])
end]]
    w:reload()
    w:reload()
    local lines = "0\t-1\t1.5\ttrue\ttrue\tinf\t-inf\tzero\t1\thalf\n3\t0\ttrue\ttrue\tempty\tNUL\t1\n"
      .. "true\tfalse\tyes\tno\ttrue\ttable\n1\t2\t1\t1\ngeneration "
    assert.equal("generation 1\n" .. lines .. "2\n" .. lines .. "3\n", w:expect "generation 3")
  end)

  it("carries 100 tables in each other, and one that is found in a thousand places", function()
    local w = worker.start { [[
if zeroless.generation == 1 then
  local t = state
  for i = 1, 99 do t.t = {} t = t.t end
  t.value = "deep"
  local shared = { "shared" }
  state.list = {}
  for i = 1, 1000 do state.list[i] = shared end
else
  local t = state
  for i = 1, 99 do t = t.t end
  print(t.value, state.list[1][1], state.list[1000][1], state.list[1] == state.list[1000])
end
zeroless.sleep(1000)]] }
    w:idle()
    w:reload()
    w:expect "deep\tshared\tshared\tfalse\n"
  end)

  it("may be replaced by another table", function()
    local w = start "print(zeroless.state.n) zeroless.state = { n = (zeroless.state.n or 0) + 1 }"
    w:reload()
    w:expect "1\ngeneration 2"
    w:reload()
    w:expect "2\ngeneration 3"
  end)

  it("carries what a task has put there just before it came to rest", function()
    local w = worker.start { [[
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  state.count = (state.count or 0) + 1
  print(state.count .. " of " .. zeroless.generation)
end]] }
    w:told "Ready..."
    local push = w:client():push()
    for i = 1, 5 do
      push ""
      w:expect(("%d of %d\n"):format(i, i))
      w:reload()
    end
  end)

  it("of a generation that does not use zeroless is nothing", function()
    local w = worker.start { "zeroless.sleep(1000)", "--watch" }
    w:idle()
    w:write("worker.lua", "print 'plain'")
    w:expect "plain"
    w:told "the script has ended"
    w:save "print(next(state) == nil and 'empty')"
    w:expect "empty"
  end)
end)

-- {what cannot be carried, the code that puts it there, what the error says of its place}
local refused = {
  { "a function", "state.users = { { name = print } }",
    "zeroless.state.users[1].name cannot be carried over: it is a function" },
  { "a userdata", "state['a b'] = Client():push()",
    [[zeroless.state["a b"] cannot be carried over: it is a userdata]] },
  { "a coroutine", "state[1] = coroutine.create(print)", "zeroless.state[1] cannot be carried over: it is a thread" },
  { "a cdata", "state.x = require 'ffi'.new 'int'", "zeroless.state.x cannot be carried over: it is a cdata" },
  { "a table with a metatable", "state.a = { [true] = setmetatable({}, {}) }",
    "zeroless.state.a[true] cannot be carried over: it has a metatable" },
  { "a table inside itself", "state.a = { b = {} } state.a.b.c = state.a",
    "zeroless.state.a.b.c cannot be carried over: it is a reference to a table that contains it" },
  { "a key that is a table", "state.a = { [{}] = 1 }",
    "zeroless.state.a has a key that cannot be carried over: a table" },
  { "no table", "zeroless.state = 'text'", "zeroless.state cannot be carried over: it is a string, not a table" },
  { "nil", "zeroless.state = nil", "zeroless.state cannot be carried over: it is a nil, not a table" },
  { "too many tables in each other", "local t = state for i = 1, 1000 do t.t = {} t = t.t end",
    "zeroless.state" .. (".t"):rep(100) .. " cannot be carried over: it is more than 100 tables deep" },
  { "a table found millions of times", "local t = {} for i = 1, 22 do t = { t, t } end state.a = t",
    "cannot be carried over: its tables are referenced from so many places that more than 100000 copies" },
}

describe("a reload fails where the state cannot be carried, and names the place:", function()
  for _, case in ipairs(refused) do
    it(case[1], function()
      local w = worker.start { [[
local pull = Server { endpoint = "ipc://w.sock" }:pull()
state.kept = "kept"
]] .. case[2] .. [[

for message in pull do
  zeroless.state = { kept = zeroless.generation == 1 and message or "lost" }
  print(zeroless.generation .. message)
end]] }
      w:told "Ready..."
      w:idle()
      local attempt = w:reload "print(state.kept) zeroless.sleep(1000)"
      assert.equal("reload failed; still serving generation 1", attempt.msg)
      assert.equal("state", attempt.stage)
      assert.matches(case[3], attempt.error, 1, true)
      w:client():push() "repaired"
      w:expect "1repaired"
      assert.equal("reloaded", w:reload().msg)
      w:expect "repaired\n"
    end)
  end
end)

describe("a failed attempt leaves the state of the old generation as it was", function()
  it("whatever the new one has done with its own", function()
    local w = worker.start { [[
state.list = { 1 }
local mine = state.list
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  mine[#mine + 1] = message
  print(#state.list, state.list == mine, state.extra)
end]] }
    w:told "Ready..."
    assert.equal("start", w:reload("state.list[1], state.extra = nil, 1 error 'boom'").stage)
    local push = w:client():push()
    push "a"
    w:expect "2\ttrue\tnil\n"
    w:reload "print(#state.list, state.extra) zeroless.sleep(1000)"
    w:expect "2\tnil\n"
  end)
end)

describe("zeroless.on_reload", function()
  it("calls each function in turn, in the old generation, when the new one serves", function()
    local w = start [[
local generation = zeroless.generation
zeroless.on_reload(function() print("first of " .. generation) end)
zeroless.on_reload(function() print("second of " .. generation) end)
print("start of " .. generation)]]
    w:reload()
    w:reload()
    local printed = w:expect "generation 3\n"
    assert.matches("start of 2\n.*first of 1\nsecond of 1\n", printed)
    assert.matches("first of 1.*start of 3\n.*first of 2\nsecond of 2\n", printed)
    w:ends(0, "sigterm")
    assert.not_matches("of 3.*first of 3", w.child.stdout)
  end)

  it("does not call them for an attempt that fails", function()
    local w = start "zeroless.on_reload(function() print 'called' end)"
    assert.equal("compile", w:reload("local =").stage)
    assert.equal("start", w:reload("error 'boom'").stage)
    assert.not_matches("called", w.child.stdout)
    assert.equal("reloaded", w:reload("zeroless.sleep(1000)").msg)
    w:expect "called"
  end)

  it("goes on after an error in one, which is logged", function()
    local w = start [[
zeroless.on_reload(function() error "boom" end)
zeroless.on_reload(function() error {} end)
zeroless.on_reload(function() print "called" end)]]
    assert.equal("reloaded", w:reload("zeroless.sleep(1000)").msg)
    w:expect "called"
    assert.equal("error", w:told("zeroless.on_reload failed: worker.lua:1: boom").level)
    assert.equal(2, w:has_told "zeroless.on_reload failed")
  end)

  it("lets them send, but not wait", function()
    local w = worker.new { [[
local push = Client():connect "ipc://out":push()
local pull = Server { endpoint = "ipc://w.sock" }:pull()
zeroless.on_reload(function()
  push "goodbye"
  print(pcall(zeroless.sleep, 1))
  print(pcall(pull))
end)
push "hello"
zeroless.sleep(1000)]] }
    local out = w:server "out":pull()
    w:run()
    assert.equal("hello", out:recv(support.patience)) -- so the peer is there
    w:reload "zeroless.sleep(1000)"
    assert.equal("goodbye", out:recv(support.patience))
    w:expect "cannot wait here: this runs in a callback, outside any task"
    local _, count = w.child.stdout:gsub("false\t[^\n]*cannot wait here", "")
    assert.equal(2, count)
  end)

  it("takes a function, and says so at the caller's line", function()
    local w = start [[
print(pcall(function()
  zeroless.on_reload "text"
end))]]
    w:expect "false\tworker.lua:2: zeroless.on_reload takes a function, not a string"
  end)
end)
