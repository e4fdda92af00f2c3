-- SPDX-License-Identifier: MIT
-- Publishes a number of messages to a number of subscribers; none is dropped.

local job = dofile(arg[0]:match "^.*/" .. "job.lua")

local server = job.server()
local pub = server:pub { lossless = true }
job.listening(server)
pub:wait_subscribers(job.subscribers)

local msg, count = job.payload, job.count
job.start()
for _ = 1, count do pub(msg) end
job.report(count)
