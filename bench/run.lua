-- SPDX-License-Identifier: MIT
-- Measures scripts beside the floor: every job is done by its base and by its script in turn, in
-- processes of their own, and what counts is the ratio within such a pair. docs/performance.md tells
-- what is measured. ./dev bench [NAME...] [options] runs it.

local uv = require "luv"
local zeroless = require "zeroless"

local here = arg[0]:match "^(.*)/" or "."
package.path = here .. "/?.lua;" .. package.path
local all_jobs = require "jobs"
local measures = require "measures"
local processes = require "processes"

local RUN_LIMIT = 120 -- seconds
local PAIRS = 7

local usage = [[
usage: ./dev bench [NAME...] [options]

  NAME         a job, or how names of jobs begin (tcp, pub); all by default
  --pairs N    pairs of runs that count (default 7)
  --quick      tiny runs and one pair: does everything work?
  --json       figures as JSON on standard output
  --list       the names of the jobs
  --help       this text
]]

local host = uv.exepath()
local floor = host:match "^(.*)/" .. "/bench/floor"
local python = os.getenv "ZLRUN_PYTHON" or "/usr/bin/python3"

-- --- one run -------------------------------------------------------------------------------------

-- The command of one program of a side.
local function command_of(job, side, program, words)
  local command
  if program == "start" then
    command = { floor, "start" }
  elseif side == "floor" then
    command = { floor, program }
  elseif side == "pyzmq" then
    command = { python, here .. "/peers/" .. program .. ".py" }
  elseif side == "luajit" then
    command = { "/usr/bin/env", "luajit", ("%s/peers/%s.lua"):format(here, job.peer) }
  else
    command = { host, "--log-level", "warn", here .. "/" .. program .. ".lua" }
  end
  for _, word in ipairs(words) do command[#command + 1] = word end
  if program == "start" then
    command[#command + 1] = "--"
    local started = { side == "luajit" and "luajit" or host, "-e", "" }
    for _, word in ipairs(started) do command[#command + 1] = word end
  end
  return command
end

local function words_of(job, side, count, folder)
  local words = { ("count=%d"):format(count) }
  for key, value in pairs(side == "alone" and job.base_arguments or job.arguments) do
    if key ~= "transport" then words[#words + 1] = key .. "=" .. value end
  end
  if job.arguments.transport == "ipc" then words[#words + 1] = "endpoint=ipc://" .. folder .. "/bench" end
  return words
end

local CLOCK_STEP = 1e-6 -- seconds, of os.clock()

-- Both processes' figures as one: {messages, seconds, cpu, ...}.
local function run(job, side, count, folder)
  local words = words_of(job, side, count, folder)
  local found = processes.run(command_of(job, side, job.listener, words), job.connector and function(endpoint)
    return command_of(job, side, job.connector, { "endpoint=" .. endpoint, unpack(words) })
  end, RUN_LIMIT)
  local timed = found[job.timed == job.listener and 1 or 2]
  local expected = count * (job.share or 1)
  if timed.messages ~= expected then
    error(("%s: %s saw %s messages of %d"):format(job.name, side, tostring(timed.messages), expected), 0)
  end
  local cpu = 0
  for _, each in ipairs(found) do cpu = cpu + each.cpu end
  timed.cpu = math.max(cpu, CLOCK_STEP) -- a tiny run may show none
  return timed
end

-- --- a job ---------------------------------------------------------------------------------------

local is_terminal = uv.guess_handle(2) == "tty"

local function progress(text)
  io.stderr:write(is_terminal and "\r\27[K" or "", text, is_terminal and "" or "\n")
end

local function measure(job, options, label)
  local count = options.quick and job.quick or job.count
  local folder = assert(uv.fs_mkdtemp "/tmp/zlrun-bench-XXXXXX")
  local runs = { base = {}, script = {} }
  if not is_terminal then progress(label) end
  for pair = options.quick and 1 or 0, options.pairs do -- the first one warms up
    local now = pair == 0 and "warm-up" or ("pair %d of %d"):format(pair, options.pairs)
    if is_terminal then progress(label .. ": " .. now) end
    for _, side in ipairs { "base", "script" } do
      local result = run(job, side == "base" and job.base or side, count, folder)
      if pair > 0 then runs[side][pair] = result end
    end
  end
  os.remove(folder .. "/bench")
  uv.fs_rmdir(folder)
  local rows = {}
  for i, name in ipairs(job.measures) do
    rows[i] = measures.compare(name, runs.base, runs.script)
    rows[i].aim = i == 1 and job.aim or nil
  end
  return {
    name = job.name, about = job.about, base = job.base, pairs = options.pairs,
    messages = count * (job.share or 1), rows = rows,
    cpu = job.cpu and measures.compare("cpu", runs.base, runs.script) or nil,
  }
end

-- --- the report ----------------------------------------------------------------------------------

local function machine()
  local processors, system = uv.cpu_info(), uv.os_uname()
  return {
    processor = processors[1].model, processors = #processors, memory = uv.get_total_memory(),
    system = system.sysname .. " " .. system.release, date = os.date "!%Y-%m-%d",
  }
end

local columns = "%-22s %-7s %11s %11s %7s %-13s %-15s %s\n"

local function print_table(results)
  local on = machine()
  io.write(("%s, %d processors, %s, %s\n"):format(on.processor, on.processors, on.system, on.date))
  io.write("ratio: script / base, median of the pairs (quartiles). cpu: seconds of processor time for a\n",
    "million messages, both processes: base, script, ratio.\n\n")
  io.write(columns:format("job", "base", "base", "script", "ratio", "(quartiles)", "aim", "cpu"))
  for _, result in ipairs(results) do
    for i, row in ipairs(result.rows) do
      local title = measures[row.measure].title
      local cpu = i == 1 and result.cpu
      io.write(columns:format(
        result.name .. (title == "" and "" or " " .. title), result.base,
        measures.show(row.base.median, row.unit), measures.show(row.script.median, row.unit),
        ("%.3f"):format(row.ratio.median), ("(%.2f-%.2f)"):format(row.ratio.q1, row.ratio.q3), row.aim or "",
        cpu and ("%.3f %.3f %.2f"):format(cpu.base.median, cpu.script.median, cpu.ratio.median) or ""))
    end
  end
end

-- --- options -------------------------------------------------------------------------------------

local function misuse(text)
  io.stderr:write(text, "\n", usage)
  os.exit(2)
end

local function chosen_jobs(names)
  if #names == 0 then return all_jobs end
  local chosen = {}
  for _, name in ipairs(names) do
    local before = #chosen
    for _, job in ipairs(all_jobs) do
      if job.name == name then chosen[#chosen + 1] = job end
    end
    for _, job in ipairs(#chosen == before and all_jobs or {}) do
      if job.name:sub(1, #name) == name then chosen[#chosen + 1] = job end
    end
    if #chosen == before then misuse("no job is called " .. name .. "; see --list") end
  end
  return chosen
end

local function read_options(words)
  local options, names = { pairs = PAIRS }, {}
  local i = 1
  while words[i] do
    local word = words[i]
    if word == "--json" or word == "--quick" then
      options[word:sub(3)] = true
    elseif word == "--pairs" then
      i = i + 1
      options.pairs = tonumber(words[i])
      local number = options.pairs
      if not number or number < 1 or number % 1 ~= 0 then misuse "--pairs takes a whole number" end
    elseif word == "--list" then
      for _, job in ipairs(all_jobs) do print(("%-16s %s"):format(job.name, job.about)) end
      os.exit(0)
    elseif word == "--help" or word == "-h" then
      io.write(usage)
      os.exit(0)
    elseif word:sub(1, 1) == "-" then
      misuse("unknown option " .. word)
    else
      names[#names + 1] = word
    end
    i = i + 1
  end
  if options.quick then options.pairs = 1 end
  return options, chosen_jobs(names)
end

local options, jobs = read_options(arg)
local json
if options.json then
  local found
  found, json = pcall(require, "cjson")
  if not found then misuse "--json needs the Lua module cjson (Debian: lua-cjson)" end
end

zeroless.on_stop(processes.kill_all)
processes.main(function()
  local results = {}
  for i, job in ipairs(jobs) do
    results[i] = measure(job, options, ("[%d/%d] %s"):format(i, #jobs, job.about))
  end
  if is_terminal then progress "" end
  if json then
    print(json.encode { machine = machine(), jobs = results })
  else
    print_table(results)
  end
end)
