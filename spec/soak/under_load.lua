-- SPDX-License-Identifier: MIT
-- Sequenced messages from foreign peers, with reloads among them; and with restarts, for the comparison.

local loads = require "spec.soak.loads"
local mix = require "spec.soak.mix"
local rows = require "spec.soak.rows"
local zeroless = require "zeroless"

local jobs = {} -- see jobs.lua

local watched = { "--watch", "--probation", "20" }
local signalled = { "--probation", "20" }

-- Half of the reloads with a host that watches, half with one that is told by SIGHUP alone.
local function mixed(kind, list, size, seed, messages)
  for _, is_watched in ipairs { true, false } do
    local run = {
      options = is_watched and watched or signalled, watched = is_watched,
      random = mix.random(seed), messages = math.ceil(messages / 2), rate = size.rate,
    }
    loads.start(kind, run)
    mix.run(run, math.ceil(size.reloads / 4))
    local ways = {}
    for way, count in pairs(run.done) do ways[#ways + 1] = way .. " " .. count end
    table.sort(ways)
    rows.add(list, ("%s: %s"):format(is_watched and "--watch" or "SIGHUP", table.concat(ways, ", ")),
      #run.host.attempts)
    rows.add_losses(list, loads.stop(run), rows.nothing)
  end
end

function jobs.stream(list, size, seed)
  mixed("stream", list, size, seed, size.messages * 0.9)
end

function jobs.dialogue(list, size, seed)
  mixed("dialogue", list, size, seed, size.messages * 0.1)
end

function jobs.echo(list, size, seed)
  mixed("echo", list, size, seed, 0)
end

-- The same loads when the process is stopped and started again, for the comparison.
function jobs.restart(list, size)
  for _, kind in ipairs { "stream", "dialogue", "echo" } do
    local run = { options = {}, messages = size.restarts * 2000, rate = size.rate, patience = 1 }
    loads.start(kind, run)
    for i = 1, size.restarts do
      if run.peer then
        local since = zeroless.now()
        run.peer:await(function() return run.peer.last.at > since end, "an answer before restart " .. i)
      else
        run.sink:await(function() return run.sink.last.at end, "a message before restart " .. i)
        zeroless.sleep(0.1)
      end
      loads.restart(run)
    end
    rows.add(list, kind .. ", restarts", size.restarts)
    rows.add_losses(list, loads.stop(run))
  end
end

return jobs
