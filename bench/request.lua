-- SPDX-License-Identifier: MIT
-- Asks again and again, and times every round trip.

local job = dofile(arg[0]:match "^.*/" .. "job.lua")

local ask, replies = job.client():request()
local now, msg, size, count = job.now, job.payload, job.size, job.count

for _ = 1, job.warmup do
  ask(msg)
  replies()
end

local trips = {}
job.start()
for i = 1, count do
  local asked = now()
  ask(msg)
  if #replies() ~= size then error "a reply of another size" end
  trips[i] = now() - asked
end
job.report(#trips)

table.sort(trips)
local function quantile(part)
  return trips[math.min(math.floor(count * part), count - 1) + 1]
end
print(("p50=%.9f\np99=%.9f\np999=%.9f"):format(quantile(0.5), quantile(0.99), quantile(0.999)))
