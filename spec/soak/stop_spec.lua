-- SPDX-License-Identifier: MIT
-- The short form of ./dev soak stop: workers that are stopped in the middle of what foreign peers send.

require "spec.support"
local rows = require "spec.soak.rows"
local stop = require "spec.soak.stop"

describe("a worker that is stopped under load loses nothing without a word:", function()
  for _, job in ipairs(stop.jobs) do
    it(job[1], function()
      local list = {}
      job[2](list, 2)
      for _, row in ipairs(list) do assert(row.loose or rows.is_good(row), rows.show(row)) end
    end)
  end
end)
