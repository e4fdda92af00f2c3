-- SPDX-License-Identifier: MIT
-- Where no wait can pass: a clear error at the script's line, and the task goes on.

local support = require "spec.support"
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client

describe("where no wait can pass,", function()
  local pull, server, push, client, parking, stuck

  before_each(function()
    local endpoint = support.inproc()
    server, client = Server { endpoint = endpoint, hwm = 1 }, Client { hwm = 1 }:connect(endpoint)
    pull, push = server:pull(), client:push()
    parking = Server { endpoint = support.inproc() }
    local parked = parking:pull()
    stuck = zeroless.spawn(function() return parked() end)
  end)

  after_each(function()
    server:close()
    client:close()
    parking:close()
  end)

  local waits = {
    ["zeroless.sleep"] = function() zeroless.sleep(0.001) end,
    ["zeroless.sleep(0)"] = function() zeroless.sleep(0) end,
    ["a receive"] = function() return pull() end,
    ["a receive with a timeout"] = function() return pull:recv(0.001) end,
    ["a send to a full queue"] = function() repeat push "x" until false end,
    ["task:join"] = function() stuck:join(0.001) end,
  }

  local function run_with_dofile(wait)
    _G.spec_wait = wait
    local ok, err = pcall(dofile, support.file "spec_wait()")
    _G.spec_wait = nil
    return ok, err
  end

  local function run_with_require(wait)
    local name = support.name()
    package.preload[name] = function()
      wait()
      return true
    end
    local ok, err = pcall(require, name)
    package.preload[name] = nil
    return ok, err
  end

  local boundaries = {
    ["require"] = run_with_require,
    ["dofile"] = run_with_dofile,
    ["table.sort"] = function(wait)
      return pcall(table.sort, { 2, 1 }, function(a, b)
        wait()
        return a < b
      end)
    end,
    ["a string.gsub callback"] = function(wait)
      return pcall(string.gsub, "a", ".", function() wait() end)
    end,
  }

  for boundary, run in pairs(boundaries) do
    for kind, wait in pairs(waits) do
      local function check(ok, err)
        assert.is_false(ok)
        assert.matches("cannot wait here", err)
        assert.matches("require, dofile, table.sort, a string.gsub callback", err, 1, true)
        assert.matches("zeroless.spawn", err, 1, true)
        stuck:join(0)
        zeroless.sleep(0.001)
      end

      it(("%s in %s raises, and the task goes on"):format(kind, boundary), function()
        check(run(wait))
      end)

      it(("%s in a coroutine in %s raises, and the task goes on"):format(kind, boundary), function()
        check(run(function() return coroutine.wrap(wait)() end))
      end)
    end
  end

  it("the error is at the line of the script", function()
    local line = debug.getinfo(1, "l").currentline + 2
    local _, err = pcall(string.gsub, "a", ".", function()
      zeroless.sleep(1)
    end)
    assert.matches(("no_wait_spec.lua:%d: cannot wait here"):format(line), err)
  end)

  it("the error can be caught right there", function()
    local caught
    table.sort({ 2, 1 }, function(a, b)
      caught = caught or select(2, pcall(zeroless.sleep, 0.001))
      return a < b
    end)
    assert.matches("cannot wait here", caught)
  end)

  it("what need not wait works", function()
    assert.is_true(push "ready")
    support.eventually(function()
      local message
      string.gsub("a", ".", function() message = pull:try() end)
      return message
    end)
  end)

  it("zeroless.spawn starts a task that may", function()
    local task
    table.sort({ 2, 1 }, function(a, b)
      task = task or zeroless.spawn(function()
        zeroless.sleep(0.001)
        return "waited"
      end)
      return a < b
    end)
    assert.equal("waited", task:join())
  end)
end)
