-- SPDX-License-Identifier: MIT
-- Workers that are stopped in the middle of what foreign peers send, each with a successor on the same
-- address: ./dev soak stop. What the senders were told is sent is compared with what was handled.

local cjson = require "cjson"
local rows = require "spec.soak.rows"
local support = require "spec.support"
local zeroless = require "zeroless"

local stop = {}

stop.usage = [[
usage: ./dev soak stop [--stops N]

  --stops N       stops of a worker under three saturating senders (default 20)
]]

local folder = debug.getinfo(1, "S").source:match "^@(.*/)"

local puller = [[
local zeroless, ffi = require "zeroless", require "ffi"
local endpoint, pause = arg[1], tonumber(arg[2])
local first, last, count, total = {}, {}, {}, 0
local wrong = 0
local pull = zeroless.Server { endpoint = endpoint }:pull()
print "ready" io.stdout:flush()
for message in pull do
  local bytes = ffi.cast("const uint8_t *", message)
  local sender, number = bytes[0], tonumber(ffi.cast("const uint64_t *", bytes + 1)[0])
  if not first[sender] then first[sender], last[sender], count[sender] = number, number - 1, 0 end
  if number <= last[sender] then wrong = wrong + 1 end
  last[sender], count[sender] = number, count[sender] + 1
  total = total + 1
  if total == 1 then print "busy" io.stdout:flush() end
  local until_ = zeroless.now() + pause
  while zeroless.now() < until_ do end
end
for sender in pairs(first) do print("from", sender, first[sender], last[sender], count[sender]) end
print("wrong", wrong)]]

local replier = [[
local zeroless = require "zeroless"
local answer, requests = zeroless.Server { endpoint = arg[1] }:reply()
print "ready" io.stdout:flush()
local count = 0
for request in requests do
  zeroless.sleep(tonumber(arg[2]))
  if answer(request) then count = count + 1 end
end
print("answered", count)]]

local function endpoint()
  return "tcp://127.0.0.1:" .. support.free_port()
end

local function start_worker(text, at, pause, drain)
  local child = support.start_host { "--drain-timeout", drain or 60, support.file(text), at, pause }
  child:expect "ready"
  return child
end

local function start_peer(...)
  return support.start { support.python, folder .. "stop.py", ... }
end

-- Stops the worker; adds what it has handled to `handled`, by sender. How long that took.
local function finish(worker, handled)
  local since = zeroless.now()
  worker:kill "sigterm"
  worker:wait()
  for sender, first, last, count in worker.stdout:gmatch "from\t(%d+)\t(%d+)\t(%d+)\t(%d+)" do
    local list = handled[tonumber(sender)]
    list[#list + 1] = { first = tonumber(first), last = tonumber(last), count = tonumber(count) }
  end
  handled.wrong = handled.wrong + (tonumber(worker.stdout:match "wrong\t(%d+)") or 1)
  return zeroless.now() - since
end

-- What is missing of `sent` messages, and what was handled twice, out of the runs of numbers handled.
local function compare(runs, sent)
  local lost, repeated, next_number = 0, 0, 0
  for _, run in ipairs(runs) do
    lost = lost + math.max(run.first - next_number, 0) + run.last - run.first + 1 - run.count
    repeated = repeated + math.max(next_number - run.first, 0)
    next_number = run.last + 1
  end
  return lost + sent - next_number, repeated
end

-- Three senders, and `stops` workers one after the other with handlers of `pause` seconds.
local function stream(list, stops, size, pause, drain)
  local at, senders, handled, codes, longest, left = endpoint(), {}, { wrong = 0 }, 0, 0, 0
  for i = 1, 3 do
    senders[i], handled[i] = start_peer("push", at, i, size), {}
  end
  local worker
  for i = 1, stops + 1 do
    local is_last = i > stops -- takes what is left
    worker = start_worker(puller, at, is_last and 0 or pause, not is_last and drain)
    worker:expect "busy"
    zeroless.sleep(0.5)
    if i <= stops then
      longest = math.max(longest, finish(worker, handled))
      codes = codes + (worker.code == 0 and 0 or 1)
      left = left + (tonumber(worker.stderr:match "nobody has handled: (%d+)") or 0)
    end
  end
  local sent, lost, repeated = 0, 0, 0
  for _, sender in ipairs(senders) do
    sender:write "\n"
    sender:wait()
  end
  finish(worker, handled)
  left = left + (tonumber(worker.stderr:match "nobody has handled: (%d+)") or 0)
  for i, sender in ipairs(senders) do
    local count = cjson.decode(sender.stdout).sent
    local missing, twice = compare(handled[i], count)
    sent, lost, repeated = sent + count, lost + missing, repeated + twice
  end
  rows.add(list, "messages", sent)
  rows.add(list, "lost in all, without a word", lost - left, { most = 10 * stops })
  rows.add(list, "received and not handled, said in the log", left, not drain and rows.nothing or nil)
  rows.add(list, "repeated", repeated, rows.nothing)
  rows.add(list, "out of order", handled.wrong, rows.nothing)
  rows.add(list, "exit codes other than 0", codes, drain and { least = stops } or rows.nothing)
  rows.add(list, "longest stop, s", longest, drain and { most = drain + 2, loose = true })
end

-- Fifty askers, each with a request that the worker has when it is stopped. They leave as soon as each has
-- its reply, while it goes, or stay until they have got every reply that it gave.
local function dialogue(list, stops, leave)
  local given, answered, unanswered, codes, longest = 0, 0, 0, 0, 0
  for _ = 1, stops do
    local at = endpoint()
    local worker = start_worker(replier, at, leave and 0.001 or 0.005)
    local peer = start_peer("ask", at, 50)
    peer:expect "busy"
    peer:write(leave and "leave\n" or "\n")
    peer:expect "ready"
    local since = zeroless.now()
    worker:kill "sigterm"
    worker:wait()
    longest = math.max(longest, zeroless.now() - since)
    local count = tonumber(worker.stdout:match "answered\t(%d+)") or 0
    if not leave then peer:write(count .. "\n") end
    peer:wait()
    local found = cjson.decode(peer.stdout:match "[^\n]*\n$")
    given, answered, unanswered = given + count, answered + found.answered, unanswered + found.unanswered
    codes = codes + worker.code
  end
  rows.add(list, "replies", given, { least = 1 })
  if not leave then rows.add(list, "replies that their askers did not get", given - answered, rows.nothing) end
  rows.add(list, "asked before the stop, and not answered", unanswered, { most = 0, loose = true })
  rows.add(list, "exit codes other than 0", codes, rows.nothing)
  rows.add(list, "longest stop, s", longest)
end

stop.jobs = {
  { "pull under three senders", function(list, stops) stream(list, stops, 100, 0) end },
  { "pull with handlers of 1 ms", function(list) stream(list, 1, 10000, 0.001) end },
  { "pull with handlers of 100 ms and 3 s", function(list) stream(list, 1, 10000, 0.1, 3) end },
  { "reply under 50 askers", function(list, stops) dialogue(list, stops) end },
  { "reply under 50 askers that leave", function(list, stops) dialogue(list, stops, true) end },
}

function stop.main(words, misuse)
  local stops, failed = 20, 0
  if words[2] then
    stops = words[2] == "--stops" and tonumber(words[3])
    if not stops or stops < 1 or stops % 1 ~= 0 then misuse "stop takes --stops and a whole number" end
  end
  for _, job in ipairs(stop.jobs) do
    local list, begun = {}, zeroless.now()
    job[2](list, stops)
    print(("%s (%.1f s)"):format(job[1], zeroless.now() - begun))
    for _, row in ipairs(list) do
      print(rows.show(row))
      if not rows.is_good(row) then failed = failed + 1 end
    end
  end
  print(failed == 0 and "all as it must be" or failed .. " not as it must be")
  return failed
end

return stop
