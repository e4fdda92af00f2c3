-- SPDX-License-Identifier: MIT
-- For how long messages wait while a script is reloaded: a peer asks without pause, and the longest round trip
-- during the reload is the stall. ./dev bench stall [NAME] [host=PATH] [runs=N]; host is another zlrun to measure.

local uv = require "luv"
local zeroless = require "zeroless"

zeroless.log.level = "error"

-- The head of every worker: it answers in a task of its own.
local head = [[
local zeroless = require "zeroless"
local Server, Client, state = zeroless.Server, zeroless.Client, zeroless.state
local answer, requests = Server { endpoint = "ipc://w.sock" }:reply()
zeroless.spawn(function() for request in requests do answer(request) end end)
]]
local tail = "\nprint('up ' .. zeroless.generation) io.stdout:flush() zeroless.sleep(10000)"

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

-- In order: name, the most it should take in ms, text of the worker, what is done beforehand in its folder.
local cases = {
  { "nothing", 10, "" },
  { "10,000 changed topics", 50, [[
local topics = {}
for i = 1, 10000 do topics[i] = zeroless.generation .. "." .. i end
local sub = Server { endpoint = "inproc://sub", name = "sub" }:sub { topics = topics }
zeroless.spawn(function() sub() end)]] },
  { "30,000 changed topics", 150, [[
local topics = {}
for i = 1, 30000 do topics[i] = zeroless.generation .. "." .. i end
local sub = Server { endpoint = "inproc://sub", name = "sub" }:sub { topics = topics }
zeroless.spawn(function() sub() end)]] },
  { "3,000 sockets", 50, [[
kept = {}
for i = 1, 3000 do kept[i] = Server { endpoint = "inproc://" .. i }:pull() end]] },
  { "1,000 modules", 30, "for i = 1, 1000 do require('m' .. i) end", function(folder)
    local text = { "local m = {}" }
    for i = 1, 20 do
      text[#text + 1] = ("function m.f%d(a, b) if a then return a + %d else return b end end"):format(i, i)
    end
    text = table.concat(text, "\n") .. "\nreturn m\n"
    for i = 1, 1000 do write(folder .. "/m" .. i .. ".lua", text) end
  end },
  { "100,000 tasks", 310, "for i = 1, 100000 do zeroless.spawn(function() zeroless.sleep(10000) end) end" },
  { "state: 100 MB of strings", 400, [[
if not state.t then
  state.t = {}
  for i = 1, 1e5 do state.t[i] = ("x"):rep(1000) .. i end
end]] },
  { "state: a million tables", 1000, [[
if not state.t then
  state.t = {}
  for i = 1, 1e6 do state.t[i] = { id = i } end
end]] },
  { "state: 22 levels, each found twice", 50, [[
local t = {}
for i = 1, 22 do t = { t, t } end
state.t = t]] },
  { "a watched file of 500 MB", 30, "zeroless.watch 'data'", function(folder)
    os.execute("dd if=/dev/zero of=" .. folder .. "/data bs=1M count=500 status=none; sleep 0.1")
  end },
}

local host, wanted, runs = uv.exepath(), nil, 3
for _, word in ipairs(arg) do
  local key, value = word:match "^(%w+)=(.*)$"
  if key == "host" then host = value elseif key == "runs" then runs = tonumber(value) else wanted = word end
end

local function start(folder)
  local output = uv.new_pipe(false)
  local worker = { text = "" }
  local handle, pid = uv.spawn(host, {
    args = { "--watch", "--log-level", "error", "worker.lua" }, cwd = folder, stdio = { nil, output, nil },
  }, function() worker.ended = true worker.handle:close() end)
  worker.handle = assert(handle, pid)
  output:read_start(function(_, data)
    if data then worker.text = worker.text .. data else output:close() end
  end)
  return worker
end

local function wait_for(worker, text)
  local deadline = zeroless.now() + 120
  while not worker.text:find(text, 1, true) and not worker.ended and zeroless.now() < deadline do
    zeroless.sleep(0.005)
  end
  return worker.text:find(text, 1, true) ~= nil
end

-- Asks until `over()`: the longest round trip in seconds.
local function longest_wait(ask, replies, over)
  local longest = 0
  repeat
    local from = zeroless.now()
    ask "?"
    replies()
    longest = math.max(longest, zeroless.now() - from)
  until over()
  return longest
end

-- The stalls of `runs` reloads, each after a save of the script, in seconds.
local function measure(case)
  local name, _, text, prepare = unpack(case)
  local folder = assert(uv.fs_mkdtemp "/tmp/zlrun-stall-XXXXXX")
  if prepare then prepare(folder) end
  local path = folder .. "/worker.lua"
  write(path, head .. text .. tail)
  local worker = start(folder)
  assert(wait_for(worker, "up 1"), name .. ": no start")
  local client = zeroless.Client():connect("ipc://" .. folder .. "/w.sock")
  local ask, replies = client:request()
  local stalls = {}
  longest_wait(ask, replies, function() return true end)
  for run = 1, runs do
    write(path .. ".new", head .. text .. tail .. " -- " .. run)
    assert(os.rename(path .. ".new", path))
    local generation, deadline = "up " .. run + 1, zeroless.now() + 3
    local seen
    stalls[run] = longest_wait(ask, replies, function()
      local now = zeroless.now()
      if worker.text:find(generation, 1, true) then seen = seen or now + 0.2 end
      return seen and now > seen or now > deadline
    end)
  end
  client:close()
  worker.handle:kill "sigkill"
  while not worker.ended do zeroless.sleep(0.005) end
  os.execute("rm -rf " .. folder)
  return stalls
end

local function show(value)
  return ("%8.1f"):format(value * 1000)
end

print(("%-36s %8s %8s %8s   (ms)"):format("stall of a reload", "median", "longest", "at most"))
for _, case in ipairs(cases) do
  if not wanted or case[1]:find(wanted, 1, true) then
    local stalls = measure(case)
    table.sort(stalls)
    print(("%-36s %s %s %8d"):format(case[1], show(stalls[math.ceil(#stalls / 2)]), show(stalls[#stalls]), case[2]))
  end
end
