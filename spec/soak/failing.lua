-- SPDX-License-Identifier: MIT
-- A worker that crashes on every so manieth message: each is set aside, and nobody else notices.

local loads = require "spec.soak.loads"
local project = require "spec.soak.project"
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

-- The messages of a file of dead letters, each a list of frames (runtime/socket/deadletter.h).
local function read_letters(path)
  local text, at, letters = project.read(path), 1, {}
  local function number()
    local a, b, c, d = text:byte(at, at + 3)
    at = at + 4
    return ((a * 256 + b) * 256 + c) * 256 + d
  end
  while at <= #text do
    local frames = {}
    for i = 1, number() do
      local size = number()
      frames[i] = text:sub(at, at + size - 1)
      at = at + size
    end
    letters[#letters + 1] = frames
  end
  return letters
end

function jobs.poison(list, size)
  local run = {
    options = { "--restart", "--redeliver", "1", "--dead-letter", "letters" },
    messages = size.poisoned * EVERY + EVERY / 2, sink_words = { EVERY },
    handler = POISONED:format(EVERY),
  }
  loads.start("stream", run)
  local found = loads.stop(run)
  local letters, aside = read_letters(run.project:path "letters"), {}
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
