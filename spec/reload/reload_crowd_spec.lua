-- SPDX-License-Identifier: MIT
-- Reloads in the thick of it: everything that a script may have, at once; the end of the process; several
-- servers. The soak (spec/soak) has the volume.

local support = require "spec.support"
local workers = require "spec.workers"
local zeroless = require "zeroless"

local start_worker, save, reload, parking = workers.start, workers.save, workers.reload, workers.parking
local count, stop = workers.count, workers.stop

describe("a worker with everything is reloaded over and over", function()
  local everything = [[
local zeroless = require "zeroless"
local uv = require "luv"
local Server, Client, spawn, state = zeroless.Server, zeroless.Client, zeroless.spawn, zeroless.state
local out = Client():connect_local(tonumber(arg[1])):push()

local jobs = Server{host = "127.0.0.1", port = tonumber(arg[2])}:pull() -- shared by three tasks
local wrapped = Server{endpoint = "ipc://" .. arg[3]}:pull() -- read in a coroutine of the script's
local entrance = Server{host = "127.0.0.1"} -- on a free port; passes on by inproc
local entry = entrance:pull()
print("entrance " .. entrance.port)
local stage = Server{endpoint = "inproc://stage"}:pull()
local to_stage = Client():connect "inproc://stage":push()
local ask, answers = Client():connect_local(tonumber(arg[4])):request() -- asked in the middle of a message

for _ = 1, 3 do
  spawn(function()
    for id, body in jobs do
      if tonumber(id) % 10 == 0 then zeroless.sleep(0.001) end
      out("job", id, tostring(#body))
    end
  end)
end

spawn(function()
  for id in coroutine.wrap(function() for id in wrapped do coroutine.yield(id) end end) do
    ask(id)
    out("wrapped", answers())
  end
end)

spawn(function() for id in entry do spawn(function() to_stage(id) end):join() end end)
spawn(function() for id in stage do out("stage", id) end end)

state.ticks = state.ticks or 0
zeroless.every(0.001, function()
  out("tick", tostring(state.ticks + 1))
  state.ticks = state.ticks + 1
end)

local timer = uv.new_timer()
timer:start(1, 1, function() state.callbacks = (state.callbacks or 0) + 1 end)
]]

  local COUNT = 2000

  local function check_all(got, kind)
    for i = 1, COUNT do assert(got[kind][i] == 1, ("%s %d came %d times"):format(kind, i, got[kind][i] or 0)) end
  end

  for _, options in ipairs { {}, { "--restart" }, { "--probation", "5" } } do
    it("and each message is handled once, with options: " .. table.concat(options, " "), function()
      local results_server = zeroless.Server{host = "127.0.0.1"}
      local results = results_server:pull()
      local reply_server = zeroless.Server{host = "127.0.0.1"}
      local reply, questions = reply_server:reply()
      local job_port, path = support.free_port(), support.folder() .. "/socket"
      local worker = start_worker(everything, options, results_server.port, job_port, path, reply_server.port)
      local answering = zeroless.spawn(function() for id in questions do reply(id) end end)
      local got = { job = {}, wrapped = {}, stage = {}, tick = {} }
      local total, last_tick = 0, 0
      local reading = zeroless.spawn(function()
        for kind, id in results do
          id = tonumber(id)
          if kind == "tick" then
            assert(id == last_tick + 1, ("tick %d after %d"):format(id, last_tick))
            last_tick = id
          else
            got[kind][id] = (got[kind][id] or 0) + 1
            total = total + 1
          end
        end
      end)
      local job = zeroless.Client():connect_local(job_port):push()
      local wrapped = zeroless.Client():connect("ipc://" .. path):push()
      local entry_port = worker:expect "entrance":match "entrance (%d+)"
      local entry = zeroless.Client():connect_local(tonumber(entry_port)):push()
      -- A sanitizer's build takes longer than 7 ms for a reload, and would do nothing else.
      local storm = zeroless.every(support.is_sanitized and 0.1 or 0.007, function() worker:kill "sighup" end)
      for i = 1, COUNT do
        local id = tostring(i)
        job(id, (i % 100 == 0) and ("x"):rep(200000) or "x")
        wrapped(id)
        entry(id)
        if i % 20 == 0 then zeroless.sleep(0.005) end
      end
      support.eventually(function()
        return total >= 3 * COUNT or reading.status == "failed"
      end, "all results\n" .. worker.stderr:sub(-600))
      storm:stop()
      for kind in pairs(got) do if kind ~= "tick" then check_all(got, kind) end end
      assert.is_true(count(worker.stderr, "msg=reloaded") > 5)
      assert.are.equal(0, count(worker.stderr, "level=error"))
      assert.are.equal(0, count(worker.stderr, "level=warn"), worker.stderr:match "[^\n]*level=warn[^\n]*")
      stop(worker)
      for _, each in ipairs { job, wrapped, entry, results_server, reply_server } do each:close() end
      answering:join()
      assert.is_true((reading:join()) == nil)
    end)
  end
end)

describe("the process is told to stop", function()
  local slow = [[
local zeroless = require "zeroless"
local pull = zeroless.Server{host = "127.0.0.1", port = tonumber(arg[1])}:pull()
zeroless.on_stop(function() print("stopped " .. zeroless.generation) end)
for message in pull do
  print("got " .. message)
  if message == "bad" then error "on purpose" end
  zeroless.sleep(1.2)
  print("done " .. message)
end
print "fell through"
]]

  local function start(options)
    local port = support.free_port()
    return start_worker(slow, options, port), zeroless.Client():connect_local(port):push()
  end

  it("while a reload waits: the handler ends, the loop falls through, nothing new starts", function()
    local worker, push = start {}
    push "1"
    worker:expect "got 1"
    parking(worker)
    stop(worker)
    push:close()
    assert.are.equal("got 1\ndone 1\nfell through\nstopped 1\n", worker.stdout)
    assert.are.equal(0, count(worker.stderr, "msg=reloaded"))
  end)

  it("while a generation is on probation: it ends as any other", function()
    local worker, push = start { "--probation", "5" }
    worker:kill "sighup"
    worker:expect "generation 2 serves on probation"
    push "1"
    worker:expect "got 1"
    stop(worker)
    push:close()
    assert.are.equal("got 1\ndone 1\nfell through\nstopped 2\n", worker.stdout)
  end)

  it("while a failed script waits to be started again: the exit code tells of the failure", function()
    local worker, push = start { "--restart" }
    push "bad"
    worker:expect "its sockets stay open"
    worker:kill "sigterm"
    worker:wait()
    push:close()
    assert.are.equal(0, worker.signal)
    assert.is_true(worker.code == 1 or worker.stderr:find("msg=reloaded", 1, true) ~= nil, worker.stderr)
  end)
end)

describe("a client of several servers", function()
  local client = [[
local zeroless = require "zeroless"
local client = zeroless.Client()
for _, port in ipairs { $PORTS } do client:connect_local(port) end
local push = client:push()
local state = zeroless.state
state.sent = state.sent or 0
while state.sent < 1000000 do
  push(tostring(state.sent + 1))
  state.sent = state.sent + 1
  if state.sent % 50 == 0 then zeroless.sleep(0.001) end
end
]]

  it("has one more, then one less, and what it pushes meanwhile arrives once", function()
    local servers, pulls, ports, seen, received = {}, {}, {}, {}, { 0, 0, 0 }
    local tasks, most = {}, 0
    for i = 1, 3 do
      servers[i] = zeroless.Server{host = "127.0.0.1"}
      pulls[i], ports[i] = servers[i]:pull(), servers[i].port
      tasks[i] = zeroless.spawn(function()
        for id in pulls[i] do
          id = tonumber(id)
          assert(not seen[id], id .. " came twice")
          seen[id] = true
          received[i] = received[i] + 1
          most = math.max(most, id)
        end
      end)
    end
    local function text(from, to)
      return (client:gsub("%$PORTS", table.concat(ports, ", ", from, to)))
    end
    local function flows(i)
      local before = received[i]
      support.eventually(function() return received[i] > before + 500 end, "messages at server " .. i)
    end
    local worker = start_worker(text(1, 2), {})
    flows(1)
    flows(2)
    save(worker, text(1, 3))
    reload(worker, 1)
    flows(3)
    save(worker, text(2, 3))
    reload(worker, 2)
    flows(2)
    flows(3)
    stop(worker)
    local missing = 0
    support.eventually(function()
      missing = 0
      for id = 1, most do missing = missing + (seen[id] and 0 or 1) end
      return missing == 0
    end, "every message")
    for i = 1, 3 do servers[i]:close() end
    for i = 1, 3 do tasks[i]:join() end
  end)
end)
