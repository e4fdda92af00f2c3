-- SPDX-License-Identifier: MIT
-- Time: sleep, every, after, now. Only lower bounds are checked: a busy machine may be late, never early.

local support = require "spec.support"
local zeroless = require "zeroless"

local wrong_times = { -1, -0.001, "1", {}, 0 / 0, false }

describe("zeroless.now", function()
  it("counts seconds forward", function()
    local before = zeroless.now()
    assert.equal("number", type(before))
    local last = before
    for _ = 1, 1000 do
      local now = zeroless.now()
      assert.is_true(now >= last)
      last = now
    end
    zeroless.sleep(0.02)
    assert.is_true(zeroless.now() - before >= 0.02)
  end)
end)

describe("zeroless.sleep", function()
  it("lets the time pass, never less, and returns nothing", function()
    for _, seconds in ipairs { 0.0001, 0.001, 0.0105, 0.03 } do
      local before = zeroless.now()
      assert.equal(0, select("#", zeroless.sleep(seconds)))
      assert.is_true(zeroless.now() - before >= seconds)
    end
  end)

  it("wakes sleepers in the order of their times", function()
    local order, tasks = {}, {}
    for i, seconds in ipairs { 0.4, 0.01, 0.2 } do
      tasks[i] = zeroless.spawn(function()
        zeroless.sleep(seconds)
        order[#order + 1] = i
      end)
    end
    for _, task in ipairs(tasks) do task:join() end
    assert.same({ 2, 3, 1 }, order)
  end)

  it("of 0 lets every other ready task run first", function()
    local order = {}
    local function turns(name)
      for i = 1, 3 do
        order[#order + 1] = name .. i
        zeroless.sleep(0)
      end
    end
    local a, b = zeroless.spawn(turns, "a"), zeroless.spawn(turns, "b")
    a:join()
    b:join()
    assert.same({ "a1", "b1", "a2", "b2", "a3", "b3" }, order)
  end)

  it("of 0 does not starve timers", function()
    local due = false
    local timer = zeroless.after(0.001, function() due = true end)
    local deadline = zeroless.now() + support.patience
    while not due and zeroless.now() < deadline do zeroless.sleep(0) end
    assert.is_true(due)
    timer:stop()
  end)

  it("raises at the caller's line for what is no time", function()
    for _, seconds in ipairs(wrong_times) do
      local ok, err = pcall(function() zeroless.sleep(seconds) end)
      assert.is_false(ok)
      assert.matches("time_spec.lua:%d+: zeroless.sleep: the time must be a number of seconds", err)
    end
    assert.has_error(function() zeroless.sleep() end)
  end)

  it("takes any length, for ever too", function()
    local result = support.run_script [[
local zeroless = require "zeroless"
local long = zeroless.spawn(function() zeroless.sleep(1e9) end)
local ever = zeroless.spawn(function() zeroless.sleep(math.huge) end)
zeroless.sleep(0.01)
print(long.status, ever.status)
zeroless.stop()]]
    assert.equal(0, result.code)
    assert.equal("waiting\twaiting\n", result.stdout)
  end)
end)

describe("zeroless.after", function()
  it("calls the function once, not before the time", function()
    local calls, at = 0, nil
    local before = zeroless.now()
    zeroless.after(0.02, function()
      calls, at = calls + 1, zeroless.now()
    end)
    assert.equal(0, calls)
    support.eventually(function() return at end)
    assert.is_true(at - before >= 0.02)
    zeroless.sleep(0.05)
    assert.equal(1, calls)
  end)

  it("of 0 calls it when the present task waits", function()
    local called = false
    zeroless.after(0, function() called = true end)
    assert.is_false(called)
    support.eventually(function() return called end)
  end)

  it("does not call it after :stop()", function()
    local called = false
    local timer = zeroless.after(0.005, function() called = true end)
    timer:stop()
    timer:stop()
    zeroless.sleep(0.02)
    assert.is_false(called)
  end)

  it("lets its function wait", function()
    local done = false
    zeroless.after(0, function()
      zeroless.sleep(0.001)
      done = true
    end)
    support.eventually(function() return done end)
  end)

  it("can be stopped while its function waits, and that runs on", function()
    local steps, timer = 0, nil
    timer = zeroless.after(0, function()
      steps = 1
      timer:stop()
      zeroless.sleep(0.001)
      steps = 2
    end)
    support.eventually(function() return steps == 2 end)
  end)
end)

describe("zeroless.every", function()
  it("calls the function again and again, first after the time", function()
    local times = { zeroless.now() }
    local timer = zeroless.every(0.01, function() times[#times + 1] = zeroless.now() end)
    support.eventually(function() return #times > 5 end)
    timer:stop()
    for i = 2, #times do assert.is_true(times[i] - times[1] >= 0.01 * (i - 1)) end
  end)

  it("never calls it when it is stopped at once", function()
    local called = false
    zeroless.every(0.001, function() called = true end):stop()
    zeroless.sleep(0.01)
    assert.is_false(called)
  end)

  it("ends with :stop(), from outside", function()
    local calls = 0
    local timer = zeroless.every(0.001, function() calls = calls + 1 end)
    support.eventually(function() return calls > 2 end)
    timer:stop()
    local stopped_at = calls
    zeroless.sleep(0.02)
    assert.equal(stopped_at, calls)
  end)

  it("ends with :stop(), from its function", function()
    local calls, timer = 0, nil
    timer = zeroless.every(0.001, function()
      calls = calls + 1
      if calls == 3 then timer:stop() end
    end)
    support.eventually(function() return calls == 3 end)
    zeroless.sleep(0.02)
    assert.equal(3, calls)
  end)

  it("lets its function wait, and never runs it twice at a time", function()
    local inside, most, calls = 0, 0, 0
    local timer = zeroless.every(0.001, function()
      inside = inside + 1
      most = math.max(most, inside)
      zeroless.sleep(0.01)
      inside, calls = inside - 1, calls + 1
    end)
    support.eventually(function() return calls == 3 end)
    timer:stop()
    assert.equal(1, most)
  end)

  it("skips the ticks that a slow function has missed", function()
    local calls = 0
    local timer = zeroless.every(0.005, function()
      calls = calls + 1
      if calls == 1 then zeroless.sleep(0.1) end
    end)
    support.eventually(function() return calls > 1 end)
    local before, at = zeroless.now(), calls
    support.eventually(function() return calls >= at + 3 end)
    timer:stop()
    -- Were the 20 missed ones made up for, these three would come at once.
    assert.is_true(zeroless.now() - before >= 0.005)
  end)
end)

describe("zeroless.every and zeroless.after", function()
  for _, name in ipairs { "every", "after" } do
    it(name .. " sleeps out a wait of its function that :stop() meets", function()
      local sleeping, slept
      local timer = zeroless[name](0.001, function()
        local before = zeroless.now()
        sleeping = true
        zeroless.sleep(0.05)
        slept = zeroless.now() - before
      end)
      support.eventually(function() return sleeping end)
      timer:stop()
      support.eventually(function() return slept end)
      assert.is_true(slept >= 0.05, slept)
    end)

    it(name .. " raises at the caller's line for what is no time or no function", function()
      for _, seconds in ipairs(wrong_times) do
        local ok, err = pcall(function() zeroless[name](seconds, function() end) end)
        assert.is_false(ok)
        assert.matches("time_spec.lua:%d+: zeroless." .. name .. ": the time must be a number", err)
      end
      local ok, err = pcall(function() zeroless[name](1, "text") end)
      assert.is_false(ok)
      assert.matches("time_spec.lua:%d+: zeroless." .. name .. " takes a function, not a string", err)
    end)

    it(name .. ": an error in the function ends the script with exit code 1", function()
      local result = support.run_script(([[
local zeroless = require "zeroless"
zeroless.%s(0.001, function() error "tick" end)
zeroless.sleep(1000)]]):format(name))
      assert.equal(1, result.code)
      assert.matches("script.lua:2: tick\nstack traceback", result.stderr)
    end)
  end

  it("every raises for 0 seconds", function()
    local ok, err = pcall(function() zeroless.every(0, function() end) end)
    assert.is_false(ok)
    assert.matches("time_spec.lua:%d+: zeroless.every: the time must be more than 0 seconds", err)
  end)

  it("keep the process alive, until they are over or stopped", function()
    local result = support.run_script [[
local zeroless = require "zeroless"
zeroless.after(0.02, function() print "after" end)
local ticks, timer = 0, nil
timer = zeroless.every(0.001, function()
  ticks = ticks + 1
  if ticks == 3 then
    print "every"
    timer:stop()
  end
end)
zeroless.after(1000, function() end):stop()
print "main"]]
    assert.equal(0, result.code)
    assert.matches("^main\n", result.stdout)
    assert.matches("every\n", result.stdout)
    assert.matches("after\n", result.stdout)
  end)
end)
