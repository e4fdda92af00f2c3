-- SPDX-License-Identifier: MIT
-- What a generation takes, by the process's resident size: the script reloads itself `count` times, and the
-- one before is still there while the new one starts. The first time counts: later ones find memory that
-- those before have left.

local ffi = require "ffi"
local job = dofile(arg[0]:match "^.*/" .. "job.lua")
local zeroless = require "zeroless"

ffi.cdef "int raise(int signal);"
local SIGHUP = 1

local state = zeroless.state
job.start()
if state.alone then
  state.bytes = state.bytes or job.resident() - state.alone
  state.reloads = (state.reloads or 0) + 1
end
zeroless.sleep(0) -- from here on this generation serves, and the one before is closed
if state.reloads == job.count then
  job.report(job.count)
  print(("bytes=%.1f"):format(state.bytes))
  zeroless.stop()
end
state.alone = job.resident()
ffi.C.raise(SIGHUP)
zeroless.sleep(60)
