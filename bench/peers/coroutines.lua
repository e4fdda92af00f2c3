-- SPDX-License-Identifier: MIT
-- For luajit: what many suspended coroutines take (count=N), by the process's resident size before and
-- after. The least that a task can take.

local count = tonumber(arg[1]:match "^count=(%d+)$")

local function resident()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmRSS:%s*(%d+)"
    if kilobytes then return tonumber(kilobytes) * 1024 end
  end
end

local kept = {}
collectgarbage()
local before, began = resident(), os.clock()
for i = 1, count do
  kept[i] = coroutine.create(coroutine.yield)
  coroutine.resume(kept[i])
end
collectgarbage()
local bytes, cpu = resident() - before, os.clock() - began
print(("messages=%d\nseconds=%.9f\ncpu=%.9f\nbytes=%.1f"):format(#kept, cpu, cpu, bytes / count))
