-- SPDX-License-Identifier: MIT
-- ./dev soak chaos: random scripts under random disturbances, one process each. A seed gives a script; a
-- failing one is kept and can be cut down.

local foreign_peers = require "spec.soak.loads".start_foreign
local plan = require "spec.soak.chaos.plan"
local support = require "spec.support"
local trial = require "spec.soak.chaos.trial"
local zeroless = require "zeroless"

local chaos = {}

chaos.usage = [[
usage: ./dev soak chaos [options]

  --seed N        the first seed; alone, that one is run and no other
  --minutes M     runs seeds from there on for so long (default 1, if there is no --seed)
  --count N       runs so many seeds
  --host PATH     the host under test, an ASan build for example (default: the running one)
  --jobs N        processes at a time, 1 or 2 (default 2)
  --theme NAME    only seeds that dwell on it: prompt (reloads that nothing may hold up), failing, changing, any
  --parts A,B     only these parts of the script
  --tries N       runs a seed so often, until it fails (default 1; 3 with --shrink)
  --shrink        drops parts of the script for as long as it fails in the same way
  --patience N    multiplies the 5 seconds that an end may take beside the drain timeout (default 1)
  --stop-at N     leaves after N failures (default 20)
]]

local function say(...)
  print(("%s"):format(table.concat({ ... }, " ")))
end

-- The addresses that a place for one process has: ports for the script, and those of foreign sockets.
local function open_place()
  local words = { TCPA = support.free_port(), TCPB = support.free_port(), TCPC = support.free_port() }
  local peers = foreign_peers(words.TCPA, words.TCPB)
  for kind, port in pairs(peers.last) do words[kind] = port end
  return { words = words, peers = peers }
end

local function close_place(place)
  place.peers:finish()
end

local function show(run)
  return ("seed %d: %s; kept in %s"):format(run.plan.seed, run.verdict, run.folder)
end

-- Runs a plan until it fails, at most `tries` times.
local function try_often(the_plan, place, options, tries, verdict)
  for _ = 1, tries do
    local run = trial.run(the_plan, options.host, place.words, options.patience)
    if run.verdict and (not verdict or run.verdict == verdict) then return run end
    if run.verdict then os.execute(("rm -rf '%s'"):format(run.folder)) end
  end
end

-- --- one seed after another ----------------------------------------------------------------------

local function run_seeds(options, seed, deadline, count)
  local failures, done, found = 0, 0, {}
  local last = count and seed + count - 1 or math.huge
  local function work()
    local place = open_place()
    while seed <= last and zeroless.now() < deadline and failures < options.stop do
      local mine = seed
      seed = seed + 1
      local the_plan = plan.new(mine)
      local is_wanted = not options.theme or the_plan.theme == options.theme
      local run = is_wanted and try_often(the_plan, place, options, options.tries)
      if is_wanted then done = done + 1 end
      if run then
        failures = failures + 1
        found[run.verdict] = (found[run.verdict] or 0) + 1
        say(show(run))
      end
    end
    close_place(place)
    return true
  end
  local tasks = {}
  for i = 1, options.jobs do tasks[i] = zeroless.spawn(work) end
  for _, task in ipairs(tasks) do assert(task:join()) end
  say(("%d scripts, %d failures"):format(done, failures))
  for verdict, number in pairs(found) do say(("  %s: %d"):format(verdict, number)) end
  return failures
end

-- --- cutting down --------------------------------------------------------------------------------

local function without(numbers, from, size)
  local list = {}
  for i, number in ipairs(numbers) do
    if i < from or i >= from + size then list[#list + 1] = number end
  end
  return list
end

-- Drops as many parts as it can, in halves first: returns the last run that failed.
local function shrink(run, place, options)
  local verdict = run.verdict
  local size = math.ceil(#run.plan:numbers() / 2)
  while size >= 1 do
    local from, has_dropped = 1, false
    while from <= #run.plan:numbers() do
      local fewer = without(run.plan:numbers(), from, size)
      local again = try_often(run.plan:only(fewer), place, options, options.tries, verdict)
      if again then
        os.execute(("rm -rf '%s'"):format(run.folder))
        run, has_dropped = again, true
        say(("  %d parts: %s"):format(#fewer, table.concat(fewer, ",")))
      else
        from = from + size
      end
    end
    if size > 1 then size = math.ceil(size / 2) elseif not has_dropped then break end
  end
  return run
end

local function run_one(options, seed)
  local place = open_place()
  local the_plan = plan.new(seed)
  if options.parts then the_plan = the_plan:only(options.parts) end
  local run = try_often(the_plan, place, options, options.tries)
  if not run then
    say(("seed %d: all as it must be"):format(seed))
  else
    say(show(run))
    if options.shrink then
      run = shrink(run, place, options)
      say(show(run))
    end
    say(("again: ./dev soak chaos --seed %d --parts %s"):format(seed, table.concat(run.plan:numbers(), ",")))
  end
  close_place(place)
  return run and 1 or 0
end

-- --- the command ---------------------------------------------------------------------------------

local function read_options(words, misuse)
  local options = { host = support.host, jobs = 2, patience = 1, stop = 20 }
  local numbers = { seed = "seed", minutes = "minutes", count = "count", jobs = "jobs", tries = "tries",
    patience = "patience", ["stop-at"] = "stop" }
  local i = 2
  while words[i] do
    local name = words[i]:match "^%-%-([%l-]+)$"
    local value = words[i + 1]
    i = i + 2
    if name == "shrink" then
      options.shrink, i = true, i - 1
    elseif name == "host" and value then
      options.host = assert(require "luv".fs_realpath(value))
    elseif name == "theme" and value then
      options.theme = value
    elseif name == "parts" and value then
      options.parts = {}
      for number in value:gmatch "%d+" do options.parts[#options.parts + 1] = tonumber(number) end
    elseif numbers[name] and tonumber(value) then
      options[numbers[name]] = tonumber(value)
    else
      misuse(("what is %s?"):format(words[i - 2]), chaos.usage)
    end
  end
  options.jobs = math.min(options.jobs, 2)
  options.tries = options.tries or options.shrink and 3 or 1
  return options
end

-- Returns how many failures there were.
function chaos.main(words, misuse)
  local options = read_options(words, misuse)
  if options.seed and not options.minutes and not options.count then return run_one(options, options.seed) end
  local seed = options.seed or os.time() % 1000000 * 1000
  say("seeds from " .. seed)
  local minutes = options.minutes or options.count and 1e6 or 1
  return run_seeds(options, seed, zeroless.now() + minutes * 60, options.count)
end

return chaos
