-- SPDX-License-Identifier: MIT
-- A worker with its load: foreign peers that send to it and check what comes back.

local project = require "spec.soak.project"
local process = require "spec.soak.process"
local support = require "spec.support"
local worker = require "spec.soak.worker"

local loads = {}

local CLIENTS = 4

function loads.start_peer(...)
  return process.start { support.python, support.root .. "/spec/soak/peers.py", ... }
end

-- Foreign sockets of every kind, some of which connect to these ports: .last has the ports of the others.
function loads.start_foreign(...)
  local peers = process.start { support.python, support.root .. "/spec/soak/foreign.py", ... }
  peers:await(function() return peers.last end, "the ports of the foreign sockets")
  return peers
end

local function start_host(run)
  run.host = worker.start(run.project.folder, run.options)
  run.host:await(function() return run.host.ready end, "the first Ready...")
end

-- Each starts the host with `run.options` and the peers for `run.messages`, and sets run.project, run.host,
-- run.port, run.peer (what hears versions at once, if any) and run.finish, which ends the peers and gives
-- what they found.
local kinds = {}
loads.kinds = kinds

-- PUSH -> worker -> PULL
function kinds.stream(run)
  local sink = loads.start_peer("pull", unpack(run.sink_words or {}))
  sink:await(function() return sink.last end, "the sink's port")
  run.project = project.new("stream", { PORT = run.port, SINK = sink.last.port })
  if run.handler then run.project:save("handler.lua", run.handler) end
  start_host(run)
  local source = loads.start_peer("push", run.port, run.messages)
  run.sink = sink
  function run.finish()
    source.input:write "stop\n" -- it stays until all has come through
    sink:await(function() return sink.code end, "the end of the messages")
    local found, sent = sink:finish(), source:finish()
    found.sent, found.disconnects = sent.sent, found.disconnects + sent.disconnects
    return found
  end
end

-- REQs -> worker
function loads.join_dialogue(run)
  start_host(run)
  run.peer = loads.start_peer("request", run.port, run.messages, CLIENTS, run.patience or support.patience)
  run.peer:await(function() return run.peer.last end, "the first answer")
  function run.finish() return run.peer:finish() end
end

function kinds.dialogue(run)
  run.project = project.new("dialogue", { PORT = run.port })
  loads.join_dialogue(run)
end

-- PUB -> worker -> SUB, and ticks that the worker publishes by itself
function kinds.echo(run)
  local out = support.free_port()
  run.project = project.new("echo", { PORT = run.port, SINK = out })
  start_host(run)
  run.peer = loads.start_peer("echo", run.port, out, run.rate)
  run.peer:await(function() return run.peer.last end, "the first echo")
  function run.finish() return run.peer:finish() end
end

function loads.start(kind, run)
  run.port = support.free_port()
  kinds[kind](run)
  return run
end

-- Ends the peers, then the host. Returns what the peers found.
function loads.stop(run)
  local found = run.finish()
  worker.stop(run.host)
  return found
end

-- Stops the process and starts it again: what a reload is there to avoid.
function loads.restart(run)
  worker.stop(run.host)
  start_host(run)
end

return loads
