-- SPDX-License-Identifier: MIT
-- Sends a number of messages.

local ffi = require "ffi"

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

local function send_different_frames()
  local bytes = ffi.new("char[?]", job.size + 1, msg)
  local number = ffi.cast("int32_t *", bytes)
  for i = 1, count do
    number[0] = i
    push(ffi.string(bytes, job.size))
  end
end

local send = { send_one_frame, send_two_frames, [8] = send_eight_frames }
job.start()
local how = job.differ and send_different_frames or send[job.frames]
how()
job.report(count)
if job.stay then io.read "*a" end
