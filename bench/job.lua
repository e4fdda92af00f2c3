-- SPDX-License-Identifier: MIT
-- What the scripts of the benchmarks share: their settings, given as key=value words; the sockets they
-- begin with; the clocks; the report, printed as key=value lines. Loaded with dofile, so that `arg` is
-- the script's.

local ffi = require "ffi"
local zeroless = require "zeroless"

ffi.cdef [[
struct job_time { long seconds, nanoseconds; };
int clock_gettime(int clock, struct job_time *now);
]]

local MONOTONIC = 1

local job = {
  count = 1,       -- messages, round trips, or things to open
  warmup = 0,      -- round trips before those that count
  size = 16,       -- bytes in a frame
  frames = 1,      -- in a message
  sockets = 1,     -- open in the receiver; one of them is busy
  tasks = 1,       -- in the receiver; one of them is busy
  subscribers = 1,
  differ = nil,    -- no two messages are alike
  stay = nil,      -- a sender ends when standard input does, not before
  kept = {},       -- what must not be collected
}
for _, word in ipairs(arg) do
  local key, value = word:match "^([%w_]+)=(.*)$"
  if key then job[key] = tonumber(value) or value end
end
job.payload = ("x"):rep(job.size)
io.stdout:setvbuf "line"

-- A server where the job wants it; on a free port otherwise.
function job.server()
  if job.endpoint then return zeroless.Server { endpoint = job.endpoint, hwm = job.hwm } end
  return zeroless.Server { host = "127.0.0.1", hwm = job.hwm }
end

function job.client()
  return zeroless.Client({ hwm = job.hwm }):connect(job.endpoint)
end

-- Tells where peers may connect now.
function job.listening(server)
  print("endpoint=" .. server.endpoint)
end

-- Seconds on a clock that only moves forward. Unlike zeroless.now it can be compiled, which makes it
-- cheap enough to ask twice in every round trip.
local time = ffi.new "struct job_time"
function job.now()
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

function job.start()
  job.began, job.cpu_before = job.now(), os.clock()
end

-- Prints what was counted, and the time since job.start().
function job.report(messages)
  local seconds, cpu = job.now() - job.began, os.clock() - job.cpu_before
  print(("messages=%d\nseconds=%.9f\ncpu=%.9f"):format(messages, seconds, cpu))
end

-- Bytes of the process that are in memory.
function job.resident()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmRSS:%s*(%d+)"
    if kilobytes then return tonumber(kilobytes) * 1024 end
  end
end

return job
