-- SPDX-License-Identifier: MIT
-- Receives a number of messages, timed from the first to the last. With tasks=N or sockets=N, all but
-- one of them are idle.

local job = dofile(arg[0]:match "^.*/" .. "job.lua")
local zeroless = require "zeroless"

for i = 2, job.sockets do
  job.kept[i] = zeroless.Server { host = "127.0.0.1" }:pull()
end
for _ = 2, job.tasks do
  zeroless.spawn(zeroless.sleep, 3600)
end
zeroless.sleep(0)
collectgarbage()

local server = job.server()
local pull = server:pull()
job.listening(server)

local size, count = job.size, job.count
local received = 1

local function receive_one_frame()
  for msg in pull do
    if #msg ~= size then error "a message of another size" end
    received = received + 1
    if received >= count then return end
  end
end

local function receive_two_frames()
  for id, msg in pull do
    if #id + #msg ~= 2 * size then error "a message of another size" end
    received = received + 1
    if received >= count then return end
  end
end

local function receive_eight_frames()
  for a, b, c, d, e, f, g, h in pull do
    if #a + #b + #c + #d + #e + #f + #g + #h ~= 8 * size then error "a message of another size" end
    received = received + 1
    if received >= count then return end
  end
end

local receive = { receive_one_frame, receive_two_frames, [8] = receive_eight_frames }
pull()
job.start()
if count > 1 then receive[job.frames]() end
job.report(received)
zeroless.stop()
