-- SPDX-License-Identifier: MIT
-- The process under test of ./dev soak close: closer.lua CLOSES SEED TASKS QUIET DRAIN PORT...
-- The ports are those of PULL sockets that do not read. What it has done it prints as JSON, a line each;
-- "churn" and "quiet" on its standard input start the two halves.

local zeroless = require "zeroless"
local uv = require "luv"
local Server, Client = zeroless.Server, zeroless.Client

local closes_wanted, seed, tasks, quiet, drain = tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3]),
  tonumber(arg[4]), tonumber(arg[5])
local stuck_ports = {}
for i = 6, #arg do stuck_ports[#stuck_ports + 1] = tonumber(arg[i]) end
local large = ("x"):rep(1000000)
local closes, kept, failed, serial = 0, 0, 0, 0
math.randomseed(seed)

local function say(text, ...)
  io.stdout:write(text:format(...), "\n")
  io.stdout:flush()
end

-- Some time around the drain time, or none.
local function pause()
  local way = math.random(4)
  if way == 1 then return end
  zeroless.sleep(way == 2 and math.random() * 0.02 or math.random() * 2 * drain)
end

local function count(n)
  closes = closes + n
end

-- A push towards a socket that does not read, filled until there is no more room: more than the system's own
-- buffers may take in the meantime.
local function fill(push)
  for _ = 1, 5 do
    while push:try(large) do end
    zeroless.sleep(0.002)
  end
end

local function open_stuck(port)
  local push = Client{ send_hwm = 8, timeout = 10 }:connect_local(port):push()
  assert(push(large))
  fill(push)
  return push
end

local function close_stuck(push, port)
  say('{"event":"stuck","port":%d}', port)
  push:close()
  count(1)
end

local ways = {}

function ways.stuck(own)
  local push = open_stuck(own.stuck)
  pause()
  fill(push)
  close_stuck(push, own.stuck)
end

-- Nobody is there.
function ways.absent(own)
  local client = Client():connect_local(own.absent)
  local way = math.random(4)
  local x = way == 1 and client:push() or way == 2 and client:sub() or way == 3 and client:pub() or client:pair()
  pause()
  x:close()
  count(1)
end

-- A server at a port of its own, which must be free again at once, or soon.
function ways.server(own)
  local deadline = zeroless.now() + drain + 3
  local server
  repeat
    local ok, made = pcall(function() return Server{ host = "127.0.0.1", port = own.port } end)
    local receiver
    if ok then ok, receiver = pcall(made.pull, made) end
    server = ok and receiver
    if not server then zeroless.sleep(0.01) end
  until server or zeroless.now() > deadline
  if not server then
    kept = kept + 1
    return
  end
  local push = Client():connect_local(own.port):push()
  for i = 1, math.random(0, 5) do push:try(tostring(i)) end
  pause()
  local first, second = push, server
  if math.random(2) == 1 then first, second = second, first end
  first:close()
  pause()
  second:close()
  count(2)
end

local function meet(endpoint, receiving, sending, most)
  local receiver, sender = receiving(Server{ endpoint = endpoint, receive_hwm = 2 }),
    sending(Client{ send_hwm = 2, timeout = 0.05 }:connect(endpoint))
  for _ = 1, math.random(0, most or 10) do sender:try("some", "message") end
  local first, second = receiver, sender
  if math.random(2) == 1 then first, second = second, first end
  if math.random(2) == 1 then pause() end
  first:close()
  if math.random(2) == 1 then pause() end
  second:close()
  count(2)
end

local function new_name()
  serial = serial + 1
  return serial
end

function ways.inproc()
  meet("inproc://close" .. new_name(), function(x) return x:pull() end, function(x) return x:push() end)
end

function ways.ipc()
  meet(("ipc://@zlrun-close-%d-%d"):format(uv.os_getpid(), new_name()), function(x) return x:sub() end,
    function(x) return x:pub() end)
end

function ways.asks()
  meet(("ipc://@zlrun-close-%d-%d"):format(uv.os_getpid(), new_name()), function(x) return x:reply() end,
    function(x) return x:request() end, 1)
end

-- Closed by the collector, or while a task waits for it.
function ways.collected(own)
  local pull = Server{ endpoint = "inproc://close" .. new_name() }:pull()
  local waiting = zeroless.spawn(function() pull:recv(2 * drain + 1) end)
  pause()
  pull:close()
  waiting:join()
  Client():connect_local(own.absent):push():try "x"
  collectgarbage()
  count(2)
end

local names = { "stuck", "stuck", "absent", "server", "server", "inproc", "ipc", "asks", "collected" }

local function work(i)
  local function free_port()
    local tcp = uv.new_tcp()
    assert(tcp:bind("127.0.0.1", 0))
    local port = tcp:getsockname().port
    tcp:close()
    return port
  end
  local own = { stuck = stuck_ports[i], absent = free_port(), port = free_port() }
  while closes < closes_wanted do
    local ok, err = pcall(ways[names[math.random(#names)]], own)
    if not ok then
      failed = failed + 1
      zeroless.log.error(tostring(err))
      zeroless.sleep(0.05)
    end
  end
end

local halves = {}

function halves.churn()
  local list = {}
  for i = 1, tasks do list[i] = zeroless.spawn(work, i) end
  for _, task in ipairs(list) do task:join() end
  collectgarbage()
  collectgarbage()
  say('{"event":"churned","closes":%d,"kept":%d,"failed":%d}', closes, kept, failed)
end

function halves.quiet()
  local list = {}
  for i = 1, quiet do list[i] = open_stuck(stuck_ports[i % #stuck_ports + 1]) end
  for _, push in ipairs(list) do fill(push) end
  for i, push in ipairs(list) do close_stuck(push, stuck_ports[i % #stuck_ports + 1]) end
  say '{"event":"quiet"}'
end

-- What is there for good (libzmq's threads, libuv's) is there before the first count.
Server{ host = "127.0.0.1" }:pull():close()
Client():connect_local(stuck_ports[1]):push():close()
zeroless.sleep(drain + 1)
Client():connect_local(stuck_ports[1]):push():close()
zeroless.sleep(0.5)
local input = uv.new_pipe(false)
input:open(0)
input:read_start(function(_, data)
  if not data then return input:close() end
  for half in data:gmatch "%l+" do zeroless.spawn(halves[half]) end
end)
say '{"event":"ready"}'
