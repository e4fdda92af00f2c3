-- SPDX-License-Identifier: MIT
-- Tasks that would wait for each other's end.

local support = require "spec.support"
local zeroless = require "zeroless"

describe("task:join in a circle", function()
  for _, count in ipairs { 2, 5 } do
    it("of " .. count .. " tasks raises in the task that closes it, and the others go on", function()
      local tasks, errors = {}, {}
      for i = 1, count do
        tasks[i] = zeroless.spawn(function()
          zeroless.sleep(0)
          local ok, err = pcall(function()
            local result = tasks[i % count + 1]:join()
            return result
          end)
          if not ok then errors[#errors + 1] = err end
          return i
        end)
      end
      for i = 1, count do assert.equal(i, (tasks[i]:join(support.patience))) end
      assert.equal(1, #errors)
      assert.matches("join_spec.lua:%d+: this task cannot join one that waits for its own end", errors[1])
    end)
  end

  it("waits where a timeout ends it", function()
    local first, second
    first = zeroless.spawn(function() return second:join(0.01) end)
    second = zeroless.spawn(function() return first:join() end)
    assert.equal("timeout", (select(2, first:join())))
    assert.equal("timeout", (select(2, second:join())))
  end)
end)
