-- SPDX-License-Identifier: MIT
-- What stands in the way of a reload: handlers that wait for something, attempts that meet.

local support = require "spec.support"
local workers = require "spec.workers"
local zeroless = require "zeroless"

local start_worker, save, reload, parking = workers.start, workers.save, workers.reload, workers.parking
local count, stop = workers.count, workers.stop

describe("a reload waits for a handler", function()
  local pairs_of_two = [[
local zeroless = require "zeroless"
local jobs = zeroless.Server{host = "127.0.0.1", port = tonumber(arg[1])}:pull()
local tokens = zeroless.Server{host = "127.0.0.1", port = tonumber(arg[2])}:pull()
for job in jobs do
  print("job " .. job)
  local token = tokens()
  print(job .. " with " .. token .. " in " .. zeroless.generation)
end
]]

  it("that waits for a message of another receiver, and is given it", function()
    local job_port, token_port = support.free_port(), support.free_port()
    local worker = start_worker(pairs_of_two, {}, job_port, token_port)
    local job = zeroless.Client():connect_local(job_port):push()
    local token = zeroless.Client():connect_local(token_port):push()
    job "1"
    worker:expect "job 1"
    job "2"
    parking(worker)
    token "a"
    worker:expect "1 with a in 1"
    worker:expect "msg=reloaded"
    token "b"
    worker:expect "2 with b in 2"
    reload(worker, 2) -- both receivers have given something to the task, and it is at rest
    job "3"
    token "c"
    worker:expect "3 with c in 3"
    job:close()
    token:close()
    stop(worker)
  end)

  it("that waits for room behind a task with nothing in hand", function()
    local job_port = support.free_port()
    local server = zeroless.Server{host = "127.0.0.1", hwm = 1}
    local results = server:pull()
    local worker = start_worker([[
local zeroless = require "zeroless"
local jobs = zeroless.Server{host = "127.0.0.1", port = tonumber(arg[1])}:pull()
local push = zeroless.Client{hwm = 1}:connect_local(tonumber(arg[2])):push()
local pushed, before = 0, -1
zeroless.spawn(function()
  while zeroless.generation == 1 do
    push(("x"):rep(100000))
    pushed = pushed + 1
  end
end)
zeroless.every(0.5, function()
  if pushed == before then print "full" end
  before = pushed
end)
for job in jobs do
  print("job " .. job)
  push(job .. " in " .. zeroless.generation)
end
]], {}, job_port, server.port)
    local job = zeroless.Client():connect_local(job_port):push()
    worker:expect "full"
    job "1"
    worker:expect "job 1"
    parking(worker)
    repeat
      local result = assert(results:recv(support.patience))
    until result == "1 in 1"
    worker:expect "msg=reloaded"
    job:close()
    stop(worker)
    server:close()
  end)
end)

describe("attempts that meet", function()
  local slow = [[
local zeroless = require "zeroless"
local pull = zeroless.Server{host = "127.0.0.1", port = tonumber(arg[1])}:pull()
for message in pull do
  print(message .. " came to 2")
  zeroless.sleep(message == "wait" and 1.2 or 0)
  if message == "fail" then
    zeroless.sleep(1.2)
    error "on purpose"
  end
  print(message .. " done by 2")
end
]]

  local function version(n)
    return (slow:gsub("by 2", "by " .. n):gsub("error[^\n]*", ""))
  end

  local function line_of(worker, generation)
    return worker.stderr:match("msg=reloaded[^\n]* generation=" .. generation .. " [^\n]*") or ""
  end

  it("a generation fails on probation while the next one waits: both are told, the message is handled once", function()
    local port = support.free_port()
    local worker = start_worker(version(1), { "--probation", "2" }, port)
    local push = zeroless.Client():connect_local(port):push()
    push "one"
    worker:expect "one done by 1"
    save(worker, slow)
    worker:kill "sighup"
    worker:expect "generation 2 serves on probation"
    push "fail"
    worker:expect "fail came to 2"
    save(worker, version(3))
    parking(worker)
    worker:expect "still serving generation 1"
    push "two"
    push "three"
    worker:expect "three done by 3"
    support.eventually(function() return line_of(worker, 3) ~= "" end, "the line of generation 3")
    assert.are.equal(1, count(worker.stdout, "fail done by 3"))
    assert.is_truthy(line_of(worker, 3):find("stage=probation", 1, true))
    push:close()
    stop(worker)
  end)

  it("a probation ends while the next one waits: both are told", function()
    local port = support.free_port()
    local worker = start_worker(version(1), { "--probation", "1" }, port)
    local push = zeroless.Client():connect_local(port):push()
    push "one"
    worker:expect "one done by 1"
    save(worker, version(2))
    worker:kill "sighup"
    worker:expect "generation 2 serves on probation"
    push "wait"
    worker:expect "wait came to 2"
    save(worker, version(3))
    parking(worker)
    worker:expect "wait done by 2"
    push "two"
    worker:expect "two done by 3"
    support.eventually(function() return line_of(worker, 3) ~= "" end, "the line of generation 3")
    assert.are_not.equal("", line_of(worker, 2))
    push:close()
    stop(worker)
  end)

  it("a script that fails while its reload waits is replaced by that one alone", function()
    local port = support.free_port()
    local worker = start_worker(version(1):gsub("zeroless.sleep%(1.2%)", "%0 error 'on purpose'"),
      { "--restart", "--redeliver", "1" }, port)
    local push = zeroless.Client():connect_local(port):push()
    push "fail"
    worker:expect "fail came to 2"
    save(worker, version(2))
    parking(worker)
    worker:expect "fail done by 2"
    zeroless.sleep(0.3) -- a restart would come 0.1 s after the failure
    assert.are.equal(1, count(worker.stderr, "msg=reloaded"))
    push:close()
    stop(worker)
  end)
end)
