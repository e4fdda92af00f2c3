-- SPDX-License-Identifier: MIT
-- A reload waits until every task of the running generation is at rest: what it has in hand is handled by
-- the code that received it, and what comes meanwhile by the next.

require "spec.support"
local worker = require "spec.reload.worker"
local zeroless = require "zeroless"

-- Each message takes a question to ipc://elsewhere, of which `self.question` is one that came and
-- `self.answer` what answers it.
local function start_asking(text)
  local w = worker.new { [[
local ask, replies = Client():connect "ipc://elsewhere":request()
local pull = Server { endpoint = "ipc://w.sock" }:pull()
print("generation " .. zeroless.generation)
]] .. text }
  w.answer, w.question = w:server "elsewhere":reply()
  w:run():expect "generation 1"
  w.push = w:client():push()
  return w
end

describe("a message in hand at a reload", function()
  it("is handled to its end by the code that received it, those behind it by the next", function()
    local w = start_asking [[
for message in pull do
  ask(message)
  print("old " .. message .. replies())
end]]
    w.push "a"
    w.push "b"
    w.push "c"
    assert.equal("a", w.question())
    w:save "for message in Server { endpoint = 'ipc://w.sock' }:pull() do print('new ' .. message) end"
    w:park()
    w.answer "!"
    assert.equal("reloaded", w:attempt(1).msg)
    assert.equal("generation 1\nold a!\nnew b\nnew c\n", w:expect "new c")
  end)

  it("lets its task sleep, and wait for room in a queue, as often as it likes", function()
    local w = start_asking [[
for message in pull do
  local push = Server { endpoint = "ipc://full", hwm = 1 }:push()
  ask(message)
  for _ = 1, 20 do zeroless.sleep(0.001) end
  for i = 1, 2000 do push(message:rep(1000)) end
  replies()
  print "old"
end]]
    w.push "a"
    w.question()
    w:park()
    local pull = worker.keep(zeroless.Client { hwm = 1 }:connect(w:at "full")):pull()
    for _ = 1, 2000 do assert.equal(1000, #pull()) end
    assert.equal(0, #w:attempts())
    w.answer ""
    assert.equal("reloaded", w:attempt(1).msg)
    assert.equal("generation 1\nold\ngeneration 2\n", w:expect "generation 2")
  end)

  it("is that of the tasks, too, that its task has spawned", function()
    local w = start_asking [[
for message in pull do
  zeroless.spawn(function()
    zeroless.spawn(function()
      ask(message)
      print("old " .. message .. replies())
    end)
  end)
end]]
    w.push "a"
    assert.equal("a", w.question())
    w:save "for message in Server { endpoint = 'ipc://w.sock' }:pull() do print('new ' .. message) end"
    w:park()
    w.push "b"
    w:idle()
    w.answer "!"
    assert.equal("generation 1\nold a!\nnew b\n", w:expect "new b")
  end)

  it("can be a request, which is answered before the reply socket moves", function()
    local w = start_asking [[
local answer, requests = Server { endpoint = "ipc://reply" }:reply()
for request in requests do
  ask(request)
  answer(zeroless.generation .. request .. replies())
end]]
    local ask, replies = w:client "reply":request()
    local ask_too, replies_too = w:client "reply":request()
    ask "a"
    assert.equal("a", w.question())
    ask_too "b"
    w:park()
    w.answer "!"
    assert.equal("1a!", replies())
    assert.equal("b", w.question())
    w.answer "!"
    assert.equal("2b!", replies_too())
  end)

  it("may take other messages to be handled, which still come", function()
    local w = start_asking [[
local parts = Server { endpoint = "ipc://parts" }:pull()
for message in pull do
  ask(message)
  replies()
  print("old " .. message .. parts() .. parts())
end]]
    local part = w:client "parts":push()
    w.push "a"
    w.question()
    w:park()
    w.answer ""
    w.push "b"
    part "1"
    part "2"
    assert.equal("reloaded", w:attempt(1).msg)
    assert.equal("generation 1\nold a12\ngeneration 2\n", w.child.stdout)
    w.question()
    w.answer ""
    part "3"
    part "4"
    w:expect "old b34"
  end)

  it("is in hand of one of several tasks, of which the others rest", function()
    local w = start_asking [[
for i = 1, 3 do
  zeroless.spawn(function()
    for message in pull do
      ask(message)
      print("old " .. message .. replies())
    end
  end)
end]]
    w.push "a"
    assert.equal("a", w.question())
    w:save "for message in Server { endpoint = 'ipc://w.sock' }:pull() do print('new ' .. message) end"
    w:park()
    for i = 1, 5 do w.push(tostring(i)) end
    w:idle()
    w.answer "!"
    assert.equal("generation 1\nold a!\nnew 1\nnew 2\nnew 3\nnew 4\nnew 5\n", w:expect "new 5")
  end)
end)

describe("a task at rest at a reload", function()
  it("ends with its generation: sleepers, timers, those who wait to send or to join", function()
    local w = worker.start { [[
local generation = zeroless.generation
local push = Server { endpoint = "ipc://nobody" }:push()
zeroless.spawn(function() while true do zeroless.sleep(0.001) io.write(generation) end end)
zeroless.every(0.001, function() io.write(generation) end)
zeroless.after(0.03, function() io.write("after", generation, " ") end)
zeroless.spawn(function() push("x") print "sent" end)
local sleeper = zeroless.spawn(function() zeroless.sleep(1000) end)
zeroless.spawn(function() sleeper:join() print "joined" end)
zeroless.sleep(1000)]] }
    w:expect "111"
    w:reload()
    w:expect "222"
    w:reload()
    w:expect "after3"
    local printed = w:expect(("3"):rep(30))
    assert.matches("^1[1a-z ]+2[2a-z ]+3[3a-z ]+$", printed)
    assert.not_matches("sent", printed)
    w:ends(75, "sigterm") -- the push still waits for a peer
  end)

  it("has sent all or nothing of what it waits to send at the high-water mark", function()
    local w = worker.start { [[
state.next = state.next or 1
local push = Server { endpoint = "ipc://w.sock", hwm = 1 }:push()
print "ready"
while state.next <= 3000 do
  push(("x"):rep(500) .. state.next, tostring(zeroless.generation))
  state.next = state.next + 1
end
zeroless.sleep(1000)]] }
    w:expect "ready"
    local pull = worker.keep(zeroless.Client { hwm = 1 }:connect(w:at "w.sock")):pull()
    local generations = {}
    for i = 1, 3000 do
      local text, generation = pull()
      assert.equal(tostring(i), text:sub(501))
      generations[generation] = true
      if i % 300 == 0 then w:reload() end
    end
    assert.is_true(generations["1"] and generations["5"] and generations["9"])
  end)

  it("asks no question any more; one that was asked gets its reply first", function()
    local w = start_asking [[
for _ = 1, 3 do
  ask "a"
  print(zeroless.generation .. replies())
end
zeroless.sleep(1000)]]
    assert.equal("a", w.question())
    w:park()
    assert.equal(0, #w:attempts())
    w.answer "!"
    assert.equal("reloaded", w:attempt(1).msg)
    for _ = 1, 3 do
      assert.equal("a", w.question())
      w.answer "?"
    end
    assert.equal("generation 1\n1!\ngeneration 2\n2?\n2?\n2?\n", w:expect "2?\n2?\n2?\n")
  end)

  it("asks with try, too, and is handed nothing while the reload waits for another", function()
    local w = start_asking [[
local also = Server { endpoint = "ipc://also" }:pull()
zeroless.spawn(function()
  while true do
    local message = also:try() or also:recv(0.001)
    if message then print(zeroless.generation .. message) end
    zeroless.sleep(0)
  end
end)
for message in pull do
  ask(message)
  print(zeroless.generation .. message .. replies())
end]]
    local also = w:client "also":push()
    also "a"
    w:expect "1a"
    w.push "b"
    w.question()
    w:park()
    also "c"
    w:idle()
    assert.not_matches("c", w.child.stdout:gsub("generation", ""))
    w.answer "!"
    assert.equal("generation 1\n1a\n1b!\ngeneration 2\n2c\n", w:expect "2c")
  end)
end)

describe("a reload that waits", function()
  it("names the line of the task after a second, and kills nothing", function()
    local w = start_asking [[
for message in pull do
  ask(message)
  print("old " .. replies())
end]]
    w.push "a"
    w.question()
    w:park()
    local record = w:told "the reload waits"
    assert.equal("warn", record.level)
    assert.matches("^worker.lua:%d+$", record.source)
    zeroless.sleep(0.1)
    assert.equal(1, w:has_told "the reload waits")
    w.answer "!"
    local attempt = w:attempt(1)
    assert.equal("reloaded", attempt.msg)
    assert.is_true(attempt.park_us >= 1000000)
    assert.equal("generation 1\nold !\ngeneration 2\n", w:expect "generation 2")
  end)

  it("ends without a trace when the process stops; the message in hand is finished", function()
    local w = start_asking [[
zeroless.on_stop(function() print "stopped" end)
for message in pull do
  ask(message)
  print("old " .. message .. replies())
end
print "after"]]
    w.push "a"
    w.question()
    w:save "print 'unreachable'"
    w:park()
    w:kill "sigterm"
    w:idle()
    w.answer "!"
    w:ends(0)
    assert.equal("generation 1\nold a!\nafter\nstopped\n", w.child.stdout)
    assert.equal(0, #w:attempts())
  end)

  it("is not made when the task fails meanwhile", function()
    local w = start_asking [[
for message in pull do
  ask(message)
  replies()
  error "boom"
end]]
    w.push "a"
    w.question()
    w:park()
    w.answer ""
    w:ends(1)
    assert.matches("worker.lua:7: boom", w.child.stderr, 1, true)
    assert.equal("generation 1\n", w.child.stdout)
  end)
end)

describe("reloads under load", function()
  it("lose, repeat and reorder nothing: several receivers, several tasks, several senders", function()
    local w = worker.new { [[
local out = Client():connect "ipc://out":push()
local answer, requests = Server { endpoint = "ipc://requests" }:reply()
local slow, fast = Server { endpoint = "ipc://slow" }:pull(), Server { endpoint = "ipc://fast" }:pull()
zeroless.spawn(function() for request in requests do answer(request) end end)
zeroless.spawn(function() for message in fast do out("fast", message) end end)
for message in slow do
  zeroless.sleep(0.001)
  out("slow", message)
end]] }
    local out = w:server "out":pull()
    w:run():told("Ready...", 4)
    local ask, replies = w:client "requests":request()
    local count, asked, over = 3000, 0, false
    for name, n in pairs { slow = 100, fast = count } do
      local push = w:client(name):push()
      zeroless.spawn(function() for i = 1, n do push(tostring(i)) end end)
    end
    local asker = zeroless.spawn(function()
      while not over do
        asked = asked + 1
        ask(tostring(asked))
        assert(replies() == tostring(asked))
      end
    end)
    local reloader = zeroless.spawn(function()
      for _ = 1, 15 do w:reload() end
      return true
    end)
    local last = { slow = 0, fast = 0 }
    while last.slow < 100 or last.fast < count do
      local name, text = out()
      assert.equal(last[name] + 1, tonumber(text))
      last[name] = last[name] + 1
    end
    assert(reloader:join())
    over = true
    asker:join()
    assert.is_true(asked > 15)
    assert.is_nil((out:recv(0.02)))
    for _, attempt in ipairs(w:attempts()) do assert.equal("reloaded", attempt.msg) end
  end)
end)

describe("luv in a script", function()
  it("goes with its generation, timers and callbacks", function()
    local w = worker.start { [[
local uv = require "luv"
local timer = uv.new_timer()
local generation = zeroless.generation
timer:start(1, 1, function() io.write(generation) end)
zeroless.sleep(1000)]] }
    w:expect "111"
    w:reload()
    w:expect "222"
    assert.matches("^1+2+$", w.child.stdout)
  end)
end)
