-- SPDX-License-Identifier: MIT
-- Good and bad reloads in a random order that a seed gives again. After each bad one the code before goes
-- on, and the next good one takes over: by the host's log, and by what `peer` hears.

local project = require "spec.soak.project"
local worker = require "spec.soak.worker"
local zeroless = require "zeroless"

local mix = {}

-- Waits until the peer has heard `version` in something handled after `since`.
local function hear(peer, version, since)
  peer:await(function()
    return peer.last.version == version and peer.last.at > since
  end, "version " .. version .. " at the peer")
end

local function expect(record, way, field, wanted)
  if record[field] ~= wanted then
    error(("%s: an attempt ended with %s %s, not %s: %s"):format(way, field, tostring(record[field]),
      tostring(wanted), tostring(record.error or record.msg)), 0)
  end
end

-- One bad reload: its attempt fails at the stage that fits, and the version before goes on.
local function do_bad(run, way, name)
  local host, files = run.host, run.project
  local attempts, probations = #host.attempts, host.probations
  local stage = files:break_it(way, name)
  run.ask()
  if way == "endless" then
    host:await(function() return host.probations > probations end, "probation")
    return
  end
  local record = worker.attempt(host, attempts + 1)
  way = way .. " " .. name
  expect(record, way, "stage", stage)
  expect(record, way, "msg", "reload failed; still serving generation " .. run.generation)
  if run.peer then hear(run.peer, run.version, record.seen) end
end

-- One good reload: its attempt succeeds, and its version is heard. Each generation that served has a
-- number of its own, those that failed on probation too.
local function do_good(run)
  local attempts = #run.host.attempts
  local since = zeroless.now()
  run.version = run.project:save_good()
  run.ask()
  local record = worker.reloaded(run.host, attempts)
  if record.generation <= run.generation then error("generation " .. record.generation .. " came again", 0) end
  run.generation = record.generation
  run.versions[#run.versions + 1] = run.version
  if run.peer then hear(run.peer, run.version, since) end
end

-- What was there before is put back: under --watch that is told, and is no attempt.
local function do_repair(run)
  local host = run.host
  local notices, attempts = host.notices, #host.attempts
  run.project:repair()
  if not run.watched then return end
  host:await(function() return host.notices > notices end, "word of the files being repaired")
  expect({ attempts = #host.attempts }, "repaired", "attempts", attempts)
end

-- Makes `reloads` reloads, about half of them good, the last one too. `run` has: host, project; peer, or
-- nil when what it hears comes late; watched, whether saves alone cause a reload; random. It gets:
-- versions, those that have served.
function mix.run(run, reloads)
  run.versions, run.generation, run.version = { "000001" }, 1, "000001"
  function run.ask()
    if not run.watched then run.host:kill "sighup" end
  end
  local was_endless
  run.done = {}
  for i = 1, reloads do
    local way = project.ways[run.random(#project.ways)]
    local is_good = i == reloads or was_endless or run.random(2) == 1
    if is_good then way = "good" end
    run.done[way] = (run.done[way] or 0) + 1
    if is_good then
      do_good(run)
    else
      local name = run.random(2) == 1 and "main.lua" or "handler.lua"
      local is_repaired = run.project.broken and run.random(3) == 1
      if is_repaired or run.project:is_broken(way, name) then do_repair(run) end
      do_bad(run, way, name)
    end
    was_endless = way == "endless"
  end
end

-- Random numbers of its own, 1..n, the same for a seed on every machine.
function mix.random(seed)
  local state = seed % 2147483647
  if state == 0 then state = 1 end
  return function(n)
    state = state * 16807 % 2147483647
    return state % n + 1
  end
end

return mix
