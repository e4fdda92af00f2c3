-- SPDX-License-Identifier: MIT
-- The jobs of the soak. Each is given the sizes of a run and its seed, and adds rows of findings to a list.

local loads = require "spec.soak.loads"
local mix = require "spec.soak.mix"
local rows = require "spec.soak.rows"
local support = require "spec.support"
local worker = require "spec.soak.worker"
local zeroless = require "zeroless"

local jobs = {}

local nothing = { most = 0 }

local function add_losses(list, found, bounds)
  rows.add(list, "messages", found.messages)
  for _, what in ipairs { "lost", "repeated", "reordered", "disconnects" } do
    rows.add(list, what, found[what], bounds)
  end
  rows.add(list, "longest silence, s", found.gap)
end

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
    add_losses(list, loads.stop(run), nothing)
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
    add_losses(list, loads.stop(run))
  end
end

-- --- times ---------------------------------------------------------------------------------------

-- From a save (a signal) to the first message on the new code at the peer, and within the host.
local function time_reloads(list, size, is_watched)
  local run = { options = is_watched and { "--watch" } or {}, messages = 0 }
  loads.start("dialogue", run)
  local heard, host_us = {}, {}
  for i = 1, size.timed do
    local since = zeroless.now()
    local version = run.project:save_good()
    if not is_watched then run.host:kill "sighup" end
    run.peer:await(function() return run.peer.last.version == version end, "version " .. version)
    heard[i] = (run.peer.last.first - since) * 1000
    local record = worker.attempt(run.host, i)
    host_us[i] = (record.compile_us + record.park_us + record.start_us + record.commit_us) / 1000
  end
  local found = loads.stop(run)
  local what = is_watched and "save" or "SIGHUP"
  rows.add(list, what .. " to first answer, ms, p50", rows.quantile(heard, 0.5),
    is_watched and { most = 60, loose = true })
  rows.add(list, what .. " to first answer, ms, p99", rows.quantile(heard, 0.99),
    is_watched and { most = 150, loose = true })
  rows.add(list, what .. ": the host's part, ms, p50", rows.quantile(host_us, 0.5))
  rows.add(list, what .. ": the host's part, ms, p99", rows.quantile(host_us, 0.99), { most = 5, loose = true })
  rows.add(list, "usual latency of an answer, ms, p50", found.usual * 1000)
  rows.add(list, "usual latency of an answer, ms, p99", found.usual99 * 1000)
  rows.add(list, "the stall that an answer sees, ms, p50", (found.stall50 - found.usual) * 1000)
  rows.add(list, "the stall that an answer sees, ms, p99", (found.stall99 - found.usual) * 1000,
    { most = 2, loose = true })
end

function jobs.times(list, size)
  time_reloads(list, size, true)
  time_reloads(list, size, false)
end

-- --- many ----------------------------------------------------------------------------------------

-- Answers in a second, as long as it is not disturbed.
local function throughput(run, seconds)
  local function look()
    local before = run.peer.last
    run.peer:await(function() return run.peer.last ~= before end, "an answer")
    return run.peer.last
  end
  local first = look()
  zeroless.sleep(seconds)
  local last = look()
  return (last.number - first.number) / (last.at - first.at)
end

local function reload_often(run, from, to)
  for i = from, to do
    run.host:kill "sighup"
    worker.attempt(run.host, i)
    run.host.attempts[i] = true
  end
end

-- A small worker is reloaded very often.
function jobs.many(list, size)
  local run = loads.start("dialogue", { options = {}, messages = 0 })
  local warm = math.min(100, size.many / 2)
  reload_often(run, 1, warm)
  local before, rate = worker.size(run.host), throughput(run, size.seconds)
  reload_often(run, warm + 1, size.many)
  local after, rate_after = worker.size(run.host), throughput(run, size.seconds)
  rows.add(list, "reloads", size.many)
  rows.add(list, "growth, KB a reload", (after.bytes - before.bytes) / 1024 / (size.many - warm),
    { most = 0.1, loose = not size.is_long })
  for _, what in ipairs { "descriptors", "threads" } do
    rows.add(list, what .. " more", after[what] - before[what], nothing)
  end
  rows.add(list, "answers in a second before", rate)
  rows.add(list, "throughput afterwards", rate_after / rate, { least = 0.95, loose = true })
  add_losses(list, loads.stop(run), nothing)
end

jobs.names = { "stream", "dialogue", "echo", "restart", "times", "many" }
jobs.support = support

return jobs
