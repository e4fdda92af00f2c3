-- SPDX-License-Identifier: MIT
-- While a reload compiles many modules, the running generation is at work: it handles messages, and may fail or
-- be stopped.

local worker = require "spec.reload.worker"
local zeroless = require "zeroless"

local MODULES = 40

local text = ([[
local answer, requests = Server { endpoint = "ipc://w.sock" }:reply()
for i = 1, %d do require("m" .. i) end
print("generation " .. zeroless.generation)
for request in requests do
  if request == "die" .. zeroless.generation then error "died" end
  answer(tostring(zeroless.generation))
end]]):format(MODULES)

local function start(...)
  local lines, files = {}, {}
  for i = 1, 1000 do lines[i] = ("function m.f%d(a, b) if a then return a + b else return %d end end"):format(i, i) end
  for i = 1, MODULES do
    files["m" .. i .. ".lua"] = "local m = {}\n" .. table.concat(lines, "\n") .. "\nreturn m"
  end
  local w = worker.start { text, files = files, ... }
  w:expect "generation 1\n"
  w.ask, w.replies = w:client():request()
  return w
end

-- Who has answered, and after how many seconds.
local function question(w, request)
  local from = zeroless.now()
  w.ask(request or "?")
  return w.replies(), zeroless.now() - from
end

-- A reload has begun to compile: a question asked since the signal was answered.
local function begin(w)
  w:kill "sighup"
  for _ = 1, 3 do question(w) end
end

describe("while a reload compiles", function()
  it("messages are handled, far more often than once", function()
    local w = start()
    local longest, compiling
    for number = 1, 10 do -- another program may take the processor meanwhile
      w:kill "sighup"
      longest = 0
      repeat
        local _, seconds = question(w)
        longest = math.max(longest, seconds)
      until #w:attempts() == number
      compiling = w:attempt(number).compile_us / 1e6
      if longest < compiling / 2 then break end
    end
    assert.is_true(longest < compiling / 2, longest .. " " .. compiling)
  end)

  it("the script can be stopped", function()
    local w = start()
    begin(w)
    w:ends(0, "sigterm")
  end)

  it("a change is not missed: a reload for it follows", function()
    local w = start "--watch"
    begin(w)
    w:write("m1.lua", "print 'saved'")
    w:expect "saved\n" -- by generation 3, or by 2 where it was quicker than the signal
    assert.is_true(tonumber((question(w))) >= 2)
  end)

  it("a change that does not compile ends the attempt, and the generation goes on", function()
    local w = start()
    w:write("m1.lua", "local =")
    local attempt = w:reload()
    assert.equal("compile", attempt.stage)
    assert.matches("m1.lua:1:", attempt.error, 1, true)
    assert.equal("1", question(w))
  end)

  it("the generation that serves may fail: the next one takes over", function()
    local w = start("--restart", "--redeliver", "1")
    begin(w)
    assert.is_true(tonumber((question(w, "die1"))) >= 2)
    w:expect "generation 2\n"
  end)

  it("a generation on probation may fail: the one before serves, and then the next one", function()
    local w = start("--probation", "1000")
    w:kill "sighup"
    w:told "serves on probation"
    begin(w)
    local answer = question(w, "die2")
    assert.is_true(answer == "1" or answer == "3", answer) -- 3 where it was quicker than the signal
    w:told("serves on probation", 2)
    assert.equal("3", question(w))
  end)
end)
