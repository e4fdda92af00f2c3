-- SPDX-License-Identifier: MIT
-- What many idle tasks or sockets (what=tasks, what=sockets) take, by the process's resident size
-- before and after.

local job = dofile(arg[0]:match "^.*/" .. "job.lua")
local zeroless = require "zeroless"

local function open_socket(i)
  job.kept[i] = zeroless.Server { endpoint = "inproc://memory-" .. i }:pull()
end

local function open_task()
  zeroless.spawn(zeroless.sleep, 3600)
end

local open = job.what == "sockets" and open_socket or open_task
open(0) -- libzmq starts its threads at the first
zeroless.sleep(0)
collectgarbage()
job.start()
local before = job.resident()
for i = 1, job.count do open(i) end
zeroless.sleep(0)
collectgarbage()
local bytes = job.resident() - before
job.report(job.count)
print(("bytes=%.1f"):format(bytes / job.count))
zeroless.stop()
