-- SPDX-License-Identifier: MIT
-- Answers a number of requests.

local job = dofile(arg[0]:match "^.*/" .. "job.lua")

local server = job.server()
local answer, requests = server:reply()
job.listening(server)

local answered = 0
for request in requests do
  if answered == job.warmup then job.start() end
  answer(request)
  answered = answered + 1
  if answered == job.warmup + job.count then break end
end
job.report(answered - job.warmup)
