-- SPDX-License-Identifier: MIT
-- ./dev soak restarts: a worker that is stopped by SIGTERM and started again, over and over, while foreign
-- peers keep it busy. What it has handled is in a file of its own, in the order in which it was.

local loads = require "spec.soak.loads"
local mix = require "spec.soak.mix"
local process = require "spec.soak.process"
local rows = require "spec.soak.rows"
local support = require "spec.support"
local worker = require "spec.soak.worker"
local zeroless = require "zeroless"

local restarts = {}

restarts.usage = [[
usage: ./dev soak restarts [JOB...] [options]

  JOB             one of: pull (a steady load), flood (senders that never wait), reply
  --count N       restarts of each (default 500)
  --seed N        of the times between them (default: the time)
  --pause S       most seconds between them (default 0.1)
  --host PATH     the host under test (default: the running one)
]]

local SOURCES = 3
local CLIENTS = 4
local RATE = 2000 -- messages a second of a source
local FLOOD_MOST = 10 -- messages that a stop may lose then: those cut in two on their way
local PATIENCE = 10 -- seconds until a requester asks again

local mains = {
  pull = [[
local zeroless = require "zeroless"
local file = assert(io.open("handled", "a"))
local pull, ended = zeroless.Server{host = "127.0.0.1", port = $PORT}:pull(), 0
for name, number in pull do
  file:write(name, " ", number, "\n")
  if number == "end" then
    file:flush()
    zeroless.log.info "an end"
  end
end
file:close()
]],
  reply = [[
local zeroless = require "zeroless"
local file = assert(io.open("handled", "a"))
local reply, requests = zeroless.Server{host = "127.0.0.1", port = $PORT}:reply()
for name, number in requests do
  file:write(name, " ", number, "\n")
  reply(name, number, "000001")
end
file:close()
]],
}

local function write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

-- --- a worker that is restarted ------------------------------------------------------------------

local function start(run)
  run.host = worker.start(run.folder, { "--drain-timeout", "10" }, run.path)
  local on_record = run.host.on_record
  function run.host.on_record(record)
    if record.msg == "an end" then run.ended = run.ended + 1 end
    on_record(record)
  end
  run.host:await(function() return run.host.ready end, "Ready...")
end

local function stop(run)
  local since = zeroless.now()
  run.host:kill "sigterm"
  if not run.host.input:is_closing() then run.host.input:close() end
  run.host:await(function() return run.host.code and run.host.open == 0 end, "the end of the worker")
  run.longest = math.max(run.longest, zeroless.now() - since)
  if run.host.signal ~= 0 then
    run.killed = run.killed + 1
  elseif run.host.code ~= 0 then
    run.not_zero = run.not_zero + 1
  end
end

local function restart_often(run, options)
  for _ = 1, options.count do
    zeroless.sleep(run.random(1000) / 1000 * options.pause)
    stop(run)
    start(run)
  end
end

local function open(name, options)
  local run = { folder = support.folder(), port = support.free_port(), path = options.host, ended = 0, longest = 0,
    killed = 0, not_zero = 0, random = mix.random(options.seed) }
  write(run.folder .. "/main.lua", (mains[name]:gsub("%$PORT", run.port)))
  start(run)
  return run
end

-- What the file says: of each name how many came, were repeated, came before one that was sent earlier.
local function read_handled(run)
  local heard = {}
  for line in io.lines(run.folder .. "/handled") do
    local name, number = line:match "^(.*) (%S+)$"
    number = tonumber(number)
    if number then
      local one = heard[name] or { seen = {}, last = 0, count = 0, repeated = 0, reordered = 0 }
      heard[name] = one
      if one.seen[number] then
        one.repeated = one.repeated + 1
      else
        one.seen[number] = true
        one.count = one.count + 1
        if number < one.last then one.reordered = one.reordered + 1 end
        one.last = math.max(one.last, number)
      end
    end
  end
  return heard
end

local function add_ends(list, run, options)
  rows.add(list, "restarts", options.count)
  rows.add(list, "stops that ended by a signal", run.killed, rows.nothing)
  rows.add(list, "stops with another exit code than 0", run.not_zero, rows.nothing)
  rows.add(list, "longest stop, s", run.longest, { most = 11 })
end

-- --- jobs ----------------------------------------------------------------------------------------

local jobs = {}

local function push_at(rate, most, list, options)
  local run = open("pull", options)
  local source = process.start {
    support.python, support.root .. "/spec/soak/sources.py", "push", run.port, SOURCES, rate,
  }
  restart_often(run, options)
  source.input:write "stop\n"
  source:await(function() return source.last end, "how many were sent")
  -- An end that is lost, too, leaves this waiting: then what is there is what came.
  pcall(support.eventually, function() return run.ended >= SOURCES end, "the ends")
  stop(run)
  local sent = source:finish().sent
  local heard, total, found = read_handled(run), 0, { lost = 0, repeated = 0, reordered = 0 }
  for name, number in pairs(sent) do
    local one = heard[name] or { count = 0, repeated = 0, reordered = 0 }
    total = total + number
    found.lost = found.lost + number - one.count
    found.repeated = found.repeated + one.repeated
    found.reordered = found.reordered + one.reordered
  end
  add_ends(list, run, options)
  rows.add(list, "messages", total, { least = options.count })
  rows.add(list, "lost", found.lost, { most = most * options.count })
  for _, what in ipairs { "repeated", "reordered" } do rows.add(list, what, found[what], rows.nothing) end
end

function jobs.pull(list, options)
  push_at(RATE, 0, list, options)
end

function jobs.flood(list, options)
  push_at(0, FLOOD_MOST, list, options)
end

function jobs.reply(list, options)
  local run = open("reply", options)
  local peer = loads.start_peer("request", run.port, options.count, CLIENTS, PATIENCE)
  peer:await(function() return peer.last end, "the first answer")
  restart_often(run, options)
  local found = peer:finish()
  stop(run)
  local repeated = 0
  for _, one in pairs(read_handled(run)) do repeated = repeated + one.repeated end
  add_ends(list, run, options)
  rows.add(list, "answers", found.messages, { least = options.count })
  rows.add(list, "lost: asked again after " .. PATIENCE .. " s", found.lost, rows.nothing)
  rows.add(list, "handled twice", repeated, rows.nothing)
  rows.add(list, "wrong answers", found.reordered, rows.nothing)
  rows.add(list, "longest silence, s", found.gap)
end

-- --- the command ---------------------------------------------------------------------------------

local function read_options(words, misuse)
  local options = { count = 500, seed = os.time(), pause = 0.1, host = support.host, jobs = {} }
  local i = 2
  while words[i] do
    local name, value = words[i]:match "^%-%-(%l+)$", words[i + 1]
    if name == "host" and value then
      options.host = assert(require "luv".fs_realpath(value))
      i = i + 1
    elseif name and tonumber(value) and type(options[name]) == "number" then
      options[name] = tonumber(value)
      i = i + 1
    elseif jobs[words[i]] then
      options.jobs[#options.jobs + 1] = words[i]
    else
      misuse(("what is %s?"):format(words[i]), restarts.usage)
    end
    i = i + 1
  end
  if #options.jobs == 0 then options.jobs = { "pull", "flood", "reply" } end
  return options
end

function restarts.main(words, misuse)
  local options = read_options(words, misuse)
  print("seed " .. options.seed)
  local failed = 0
  for _, name in ipairs(options.jobs) do failed = failed + rows.report(name, jobs[name], options) end
  return failed
end

restarts.jobs = jobs

return restarts
