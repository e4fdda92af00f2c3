-- SPDX-License-Identifier: MIT
-- A worker that crashes on every so manieth message: each is set aside, and nobody else notices.

local dead_letters = require "spec.dead_letters"
local loads = require "spec.soak.loads"
local rows = require "spec.soak.rows"

local jobs = {} -- see jobs.lua

local EVERY = 1000

local POISONED = [[
return {
  version = function(number)
    if (tonumber(number) or 1) %% %d == 0 then error("poisoned by " .. number) end
    return "000001"
  end,
}
]]

function jobs.poison(list, size)
  local run = {
    options = { "--restart", "--redeliver", "1", "--dead-letter", "letters" },
    messages = size.poisoned * EVERY + EVERY / 2, sink_words = { EVERY },
    handler = POISONED:format(EVERY),
  }
  loads.start("stream", run)
  local found = loads.stop(run)
  local letters, aside = dead_letters.read(run.project:path "letters"), {}
  for _, frames in ipairs(letters) do aside[tonumber(frames[1])] = true end
  local missing = 0
  for i = EVERY, run.messages, EVERY do missing = missing + (aside[i] and 0 or 1) end
  rows.add(list, "poisoned messages", size.poisoned)
  rows.add(list, "set aside", #letters, { least = size.poisoned, most = size.poisoned })
  rows.add(list, "not set aside", missing, rows.nothing)
  rows.add(list, "answered all the same", found.poisoned, rows.nothing)
  rows.add(list, "crashes", #run.host.attempts, { least = size.poisoned * 2, most = size.poisoned * 2 })
  rows.add_losses(list, found, rows.nothing)
end

return jobs
