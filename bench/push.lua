-- SPDX-License-Identifier: MIT
-- Sends a number of messages.

local job = dofile(arg[0]:match "^.*/" .. "job.lua")

local push = job.client():push()
local msg, count = job.payload, job.count

local function send_one_frame()
  for _ = 1, count do push(msg) end
end

local function send_two_frames()
  for _ = 1, count do push(msg, msg) end
end

local function send_eight_frames()
  for _ = 1, count do push(msg, msg, msg, msg, msg, msg, msg, msg) end
end

local send = { send_one_frame, send_two_frames, [8] = send_eight_frames }
job.start()
send[job.frames]()
job.report(count)
if job.stay then io.read "*a" end
