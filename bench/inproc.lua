-- SPDX-License-Identifier: MIT
-- Both ends in one task: what the calls alone cost.

local job = dofile(arg[0]:match "^.*/" .. "job.lua")

job.endpoint = "inproc://bench"
local server = job.server()
local pull = server:pull()
local push = job.client():push()
local msg, size = job.payload, job.size
local received = 0

job.start()
for _ = 1, job.count do
  push(msg)
  if #pull() ~= size then error "a message of another size" end
  received = received + 1
end
job.report(received)
