-- SPDX-License-Identifier: MIT
-- What a reload takes: time, and memory when there are very many.

local loads = require "spec.soak.loads"
local rows = require "spec.soak.rows"
local worker = require "spec.soak.worker"
local zeroless = require "zeroless"

local jobs = {} -- see jobs.lua

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
    rows.add(list, what .. " more", after[what] - before[what], rows.nothing)
  end
  rows.add(list, "answers in a second before", rate)
  rows.add(list, "throughput afterwards", rate_after / rate, { least = 0.95, loose = true })
  rows.add_losses(list, loads.stop(run), rows.nothing)
end

return jobs
