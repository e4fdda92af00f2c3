-- SPDX-License-Identifier: MIT
-- What becomes of files: each save is one reload, however it is made; modules of one generation belong
-- together.

local loads = require "spec.soak.loads"
local project = require "spec.soak.project"
local rows = require "spec.soak.rows"
local saves = require "spec.soak.saves"
local support = require "spec.support"
local worker = require "spec.soak.worker"
local zeroless = require "zeroless"

local jobs = {} -- see jobs.lua

-- --- saves ---------------------------------------------------------------------------------------

local VERSION = [[
local zeroless = require "zeroless"
local pull = zeroless.Server{host = "127.0.0.1"}:pull()
zeroless.log.info("version %d")
for _ in pull do end
]]

-- How many of `count` saves made in this way cause one reload, and how many reloads there were.
local function save_often(way, count)
  local folder = support.folder()
  local save = saves[way](folder, VERSION:format(0))
  local host = worker.start(folder, { "--watch" })
  local running
  local on_record = host.on_record
  function host.on_record(record)
    running = record.msg:match "^version (%d+)$" or running
    on_record(record)
  end
  host:await(function() return host.ready end, "the first Ready...")
  local once = 0
  for i = 1, count do
    local before = #host.attempts
    save(VERSION:format(i))
    host:await(function() return running == tostring(i) end, ("version %d by %s"):format(i, way))
    worker.reloaded(host, before)
    if #host.attempts == before + 1 then once = once + 1 end
  end
  local attempts = #host.attempts
  worker.stop(host)
  return once, attempts
end

function jobs.saves(list, size)
  for _, way in ipairs(saves.names) do
    local once, attempts = save_often(way, size.saves)
    rows.add(list, way .. ": saves that caused one reload", once, { least = size.saves })
    rows.add(list, way .. ": reloads", attempts, { least = size.saves, most = size.saves })
  end
end

-- --- a chain of modules --------------------------------------------------------------------------

local CHAIN = {
  ["main.lua"] = [[
local zeroless = require "zeroless"
local a = require "a"
local reply, requests = zeroless.Server{host = "127.0.0.1", port = $PORT}:reply()

local function versions()
  return table.concat({ "$VERSION", a.version, a.b.version, a.b.c.version }, " ")
end

local function loaded()
  return table.concat({ "$VERSION", require "a".version, require "b".version, require "c".version }, " ")
end

local function work()
  for name, number in requests do
    local before = versions()
    zeroless.sleep(0.004)
    reply(name, number, before == loaded() and before or "mixed: " .. before .. " and " .. loaded())
  end
end

for _ = 1, 3 do zeroless.spawn(work) end
work()
]],
  ["a.lua"] = [[return { version = "$VERSION", b = require "b" }]],
  ["b.lua"] = [[return { version = "$VERSION", c = require "c" }]],
  ["c.lua"] = [[return { version = "$VERSION" }]],
}

local function save_module(files, name, version, port)
  local words = { VERSION = ("%06d"):format(version), PORT = port }
  files:save(name, (CHAIN[name]:gsub("%$(%u+)", words)))
end

-- Starts with version 1 of every file; `seen` gets every combination that an answer was made with.
local function start_chain(seen)
  local run = { options = { "--watch" }, messages = 0, port = support.free_port() }
  run.project = project.new("dialogue", { PORT = run.port })
  for name in pairs(CHAIN) do save_module(run.project, name, 1, run.port) end
  loads.join_dialogue(run)
  local on_record = run.peer.on_record
  function run.peer.on_record(record)
    if record.version then seen[record.version] = true end
    if on_record then on_record(record) end
  end
  return run
end

local ORDERS = { { "c.lua", "b.lua", "a.lua", "main.lua" }, { "main.lua", "a.lua", "b.lua", "c.lua" } }
local PAUSES = { 0, 0.01, 0.045 } -- seconds: in one reload, in one or two, in one each

function jobs.chain(list, size)
  local seen = {}
  local run = start_chain(seen)
  for round = 2, size.rounds + 1 do
    for _, name in ipairs(ORDERS[round % 2 + 1]) do
      save_module(run.project, name, round, run.port)
      zeroless.sleep(PAUSES[round % 3 + 1])
    end
    local version = ("%06d"):format(round)
    local whole = table.concat({ version, version, version, version }, " ")
    run.peer:await(function() return seen[whole] end, "all modules in version " .. version)
  end
  local combinations, mixed = 0, 0
  for version in pairs(seen) do
    combinations = combinations + 1
    if version:find "mixed" then mixed = mixed + 1 end
  end
  local reloads = #run.host.attempts
  rows.add(list, "rounds of saves", size.rounds)
  rows.add(list, "reloads", reloads, { least = size.rounds })
  rows.add(list, "combinations of versions that have served", combinations)
  rows.add(list, "messages that met two versions of a module", mixed, rows.nothing)
  rows.add_losses(list, loads.stop(run), rows.nothing)
end

return jobs
