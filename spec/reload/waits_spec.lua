-- SPDX-License-Identifier: MIT
-- A reload comes to its end whatever the script waits for, also where its parts wait for each other, and where
-- the new code never waits.

local support = require "spec.support"
local worker = require "spec.reload.worker"
local zeroless = require "zeroless"

-- Answers requests at ipc://NAME; each that it gets takes a question to ipc://OTHER, but for "leaf".
local function asking(name, other, tasks, timeout)
  return ([[
local answer, requests = Server { endpoint = "ipc://%s" }:reply()
for i = 1, %d do
  local ask, replies = Client { timeout = %s }:connect "ipc://%s":request()
  zeroless.spawn(function()
    for request in requests do
      if request == "leaf" then
        answer "leaf"
      else
        assert(ask(request == "top" and "middle" or "leaf"))
        answer(zeroless.generation .. (replies() or "none"))
      end
    end
  end)
end
zeroless.sleep(1000)]]):format(name, tasks, timeout, other)
end

describe("parking", function()
  for _, timeout in ipairs { "nil", "5" } do
    it("comes to its end in a script that asks itself, timeout " .. timeout, function()
      local w = worker.start { [[
local answer, requests = Server { endpoint = "ipc://self" }:reply()
zeroless.spawn(function() for request in requests do answer(request) end end)
local ask, replies = Client { timeout = ]] .. timeout .. [[ }:connect "ipc://self":request()
local asked = 0
while true do
  assert(ask "?")
  assert(replies())
  asked = asked + 1
  if asked % 100 == 0 then print(zeroless.generation) end
end]] }
      for generation = 2, 15 do
        w:expect(generation - 1 .. "\n")
        local attempt = w:reload()
        assert.equal("reloaded", attempt.msg)
        assert.is_true(attempt.park_us < 4e6, attempt.park_us)
        w:expect(generation .. "\n")
      end
    end)

    it("comes to its end in two workers that ask each other, timeout " .. timeout, function()
      local folder = support.folder()
      local a, b = folder .. "/a", folder .. "/b"
      local one = worker.start { asking(a, b, 3, timeout) }
      local two = worker.start { asking(b, a, 3, timeout) }
      one:told "Ready..."
      two:told "Ready..."
      local over, answers = false, 0
      local askers = {}
      for i = 1, 2 do
        local client = worker.keep(zeroless.Client():connect("ipc://" .. (i == 1 and a or b)))
        local ask, replies = client:request()
        askers[i] = zeroless.spawn(function()
          while not over do
            ask "top"
            assert.matches("leaf$", replies())
            answers = answers + 1
          end
        end)
      end
      for _ = 1, 5 do
        local before = answers
        support.eventually(function() return answers > before + 20 end, "answers")
        local first, second = #one:attempts() + 1, #two:attempts() + 1
        one:kill "sighup"
        two:kill "sighup"
        assert.equal("reloaded", one:attempt(first).msg)
        assert.equal("reloaded", two:attempt(second).msg)
      end
      over = true
      for _, asker in ipairs(askers) do asker:join() end
    end)
  end

  it("comes to its end under a steady load, while another answers slowly", function()
    local w = worker.new { asking("w.sock", "slow", 8, "nil") }
    local answer, requests = w:server "slow":reply()
    local over = false
    local slow = zeroless.spawn(function()
      while true do
        local request = requests()
        if not request then return end
        zeroless.sleep(0.15)
        answer(request)
      end
    end)
    w:run():told "Ready..."
    local askers = {}
    for i = 1, 8 do
      local ask, replies = w:client():request()
      askers[i] = zeroless.spawn(function()
        while not over do
          ask "top"
          replies()
        end
      end)
    end
    for _ = 1, 2 do
      local attempt = w:reload()
      assert.equal("reloaded", attempt.msg)
    end
    over = true
    for _, asker in ipairs(askers) do asker:join() end
    requests:close()
    slow:join()
  end)
end)

describe("new code that never waits", function()
  it("serves after a moment, and SIGTERM ends it", function()
    local w = worker.start { "print 'one' zeroless.sleep(1000)" }
    w:expect "one"
    local attempt = w:reload [[
print "two"
local pub = Server { endpoint = "ipc://w.sock" }:pub()
while true do pub "x" end]]
    assert.equal("reloaded", attempt.msg)
    assert.equal("reloaded", w:reload().msg)
    w:ends(0, "sigterm")
  end)

  it("is rolled back when it fails within its first moments", function()
    local w = worker.start { "print 'one' zeroless.sleep(1000)" }
    w:expect "one"
    local attempt = w:reload [[
local pub = Server { endpoint = "ipc://w.sock" }:pub()
for i = 1, 10 do pub "x" end
error "boom"]]
    assert.equal("start", attempt.stage)
  end)
end)

describe("a reload that goes on waiting", function()
  it("says so again after ten seconds", function()
    local w = worker.start { [[
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  print "waits"
  zeroless.sleep(12)
end]], "--drain-timeout", "60" }
    w:told "Ready..."
    w:client():push() "a"
    w:expect "waits"
    w:kill "sighup"
    assert.matches("for 1 s now", w:told "the reload waits for the task".msg, 1, true)
    assert.matches("for 10 s now", w:told("the reload waits for the task", 2).msg, 1, true)
    assert.equal("reloaded", w:attempt(1).msg)
  end)
end)
