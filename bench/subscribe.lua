-- SPDX-License-Identifier: MIT
-- A number of subscribers, each in a task of its own.

local job = dofile(arg[0]:match "^.*/" .. "job.lua")
local zeroless = require "zeroless"

local size, count = job.size, job.count
local received = 0

local function read(sub)
  local left = count
  for msg in sub do
    if received == 0 then job.start() end
    if #msg ~= size then error "a message of another size" end
    received = received + 1
    left = left - 1
    if left == 0 then return true end
  end
end

local tasks = {}
for i = 1, job.subscribers do
  tasks[i] = zeroless.spawn(read, job.client():sub())
end
for _, task in ipairs(tasks) do assert(task:join()) end
job.report(received)
