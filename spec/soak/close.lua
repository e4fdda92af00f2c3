-- SPDX-License-Identifier: MIT
-- ./dev soak close: one process closes sockets with and without unsent messages, in every order and at every
-- offset around the drain time. Descriptors and ports must be back afterwards, and every loss told in time.

local process = require "spec.soak.process"
local rows = require "spec.soak.rows"
local support = require "spec.support"
local uv = require "luv"
local worker = require "spec.soak.worker"
local zeroless = require "zeroless"

local close = {}

close.usage = [[
usage: ./dev soak close [options]

  --count N       closes (default 20000)
  --seed N        of what is closed when (default: the time)
  --drain S       --drain-timeout of the process (default 0.2)
  --host PATH     the host under test (default: the running one)
]]

local TASKS = 40
local QUIET = 50 -- sockets that are closed with something unsent, with no other close after them
local MARGIN = 3 -- seconds beside the drain timeout

-- A close with something unsent is told by the process as {stuck = port, at = seconds}, a loss by its log.
local function watch(run)
  run.open, run.stuck, run.told, run.latest, run.unasked = {}, 0, 0, 0, 0
  local function on_record(record)
    run.events[record.event or ""] = record
    if record.event == "stuck" then
      run.stuck = run.stuck + 1
      local list = run.open[record.port] or {}
      run.open[record.port] = list
      list[#list + 1] = zeroless.now()
    end
    local port = record.msg and record.msg:find("lost", 1, true) and record.msg:match "127%.0%.0%.1:(%d+)"
    local list = port and run.open[tonumber(port)]
    if not list then return end
    run.told = run.told + 1
    local since = table.remove(list, 1)
    if since then run.latest = math.max(run.latest, zeroless.now() - since) else run.unasked = run.unasked + 1 end
  end
  run.events = {}
  return on_record
end

local function untold(run)
  local count = 0
  for _, list in pairs(run.open) do count = count + #list end
  return count
end

local function event(run, name)
  run.child:await(function() return run.events[name] end, name)
  return run.events[name]
end

-- Waits until the process has no more descriptors than that, at most the time that a close may take. Returns
-- how many it has more.
local function settle(run, before)
  local deadline = zeroless.now() + run.drain + MARGIN
  local more
  repeat
    more = worker.size(run.child).descriptors - before
    if more <= 0 and untold(run) == 0 then return more end
    zeroless.sleep(0.05)
  until zeroless.now() > deadline
  return more
end

local function add(list, run, more)
  rows.add(list, "descriptors more, within the drain time + " .. MARGIN .. " s", more, rows.nothing)
  rows.add(list, "closed with something unsent", run.stuck, { least = 1 })
  rows.add(list, "of these, losses that were told", run.told, { least = run.stuck })
  rows.add(list, "losses told of nothing", run.unasked, rows.nothing)
  rows.add(list, "longest time until it was told, s", run.latest, { most = run.drain + MARGIN })
end

local function forget(run)
  run.open, run.stuck, run.told, run.latest, run.unasked = {}, 0, 0, 0, 0
end

local function start(run, options, peers)
  local command = { "/usr/bin/setpriv", "--pdeathsig", "KILL", options.host, "--log-format", "json",
    "--log-level", "warn", "--drain-timeout", options.drain, support.root .. "/spec/soak/closer.lua", options.count,
    options.seed, TASKS, QUIET, options.drain }
  for _, port in ipairs(peers.last.ports) do command[#command + 1] = port end
  run.child = process.start(command, watch(run))
  event(run, "ready")
  return worker.size(run.child).descriptors
end

function close.job(list, options)
  local run = { drain = options.drain }
  local peers = process.start { support.python, support.root .. "/spec/soak/sources.py", "stuck", TASKS }
  peers:await(function() return peers.last end, "the ports of the peers that do not read")
  local before = start(run, options, peers)

  run.child.input:write "churn\n"
  local most = 0
  run.child:await(function()
    most = math.max(most, worker.size(run.child).descriptors)
    return run.events.churned
  end, "the end of the closes")
  rows.add(list, "closes", run.events.churned.closes, { least = options.count })
  rows.add(list, "servers that did not get their port back", run.events.churned.kept, rows.nothing)
  rows.add(list, "mistakes of the script", run.events.churned.failed, rows.nothing)
  rows.add(list, "descriptors at first", before)
  rows.add(list, "descriptors at most", most)
  add(list, run, settle(run, before))

  forget(run)
  run.child.input:write "quiet\n"
  event(run, "quiet")
  rows.add(list, "then, with no close after them", QUIET)
  add(list, run, settle(run, before))

  local since = zeroless.now()
  run.child:kill "sigterm"
  run.child.input:close()
  run.child:await(function() return run.child.code end, "its end")
  rows.add(list, "the end, s", zeroless.now() - since, { most = options.drain + MARGIN })
  rows.add(list, "its signal", run.child.signal, rows.nothing)
  peers:finish()
end

local function read_options(words, misuse)
  local options = { count = 20000, seed = os.time(), drain = 0.2, host = support.host }
  local i = 2
  while words[i] do
    local name, value = words[i]:match "^%-%-(%l+)$", words[i + 1]
    if name == "host" and value then
      options.host = assert(uv.fs_realpath(value))
    elseif name and tonumber(value) and type(options[name]) == "number" then
      options[name] = tonumber(value)
    else
      misuse(("what is %s?"):format(words[i]), close.usage)
    end
    i = i + 2
  end
  return options
end

function close.main(words, misuse)
  local options = read_options(words, misuse)
  print("seed " .. options.seed)
  return rows.report("close", close.job, options)
end

return close
