-- SPDX-License-Identifier: MIT
-- The short form of ./dev soak stop: workers that are stopped in the middle of what foreign peers send.

require "spec.support"
local rows = require "spec.soak.rows"
local stop = require "spec.soak.stop"

-- What depends on how fast the machine is stands in loose rows.
local function assert_good(job, stops)
  local list = {}
  job(list, stops)
  for _, row in ipairs(list) do assert(row.loose or rows.is_good(row), rows.show(row)) end
end

describe("a worker that is stopped under load", function()
  for name, stops in pairs {
    ["pull under three senders"] = 2,
    ["reply under 50 askers"] = 3,
    ["reply under 50 askers that leave"] = 6,
  } do
    it("loses nothing without a word: " .. name, function()
      for _, job in ipairs(stop.jobs) do
        if job[1] == name then assert_good(job[2], stops) end
      end
    end)
  end
end)
