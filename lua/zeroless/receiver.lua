-- SPDX-License-Identifier: MIT
-- The receiver's operations on messages: receive one whole in a single FFI call, convert its frames to
-- strings, wait while there is none. Errors name the caller's line: each function that raises is reached by
-- tail calls, so level 2 is the script.

local core = require "zeroless.core"
local ffi = require "zeroless.ffi"
local misuse = require "zeroless.misuse"
local trace = require "zeroless.trace"
local unroll = require "zeroless.unroll"

local C, shared, ffi_string = ffi.C, ffi.shared, ffi.string
local AGAIN, PAUSE, CLOSED, STOPPING = C.ZL_AGAIN, C.ZL_PAUSE, C.ZL_CLOSED, C.ZL_STOPPING
local NOT_ASKED = C.ZL_NOT_ASKED
local FLAG_LINE, WRONG_SELF, NESTED = C.ZL_FLAG_LINE, C.ZL_WRONG_SELF, C.ZL_NESTED
local IN, TIMEOUT = core.IN, core.TIMEOUT
local metatable_of = debug.getmetatable

local methods, meta = core.receiver.methods, core.receiver.meta

local unrolled = unroll.receivers(shared, ffi_string)

-- The frames of the message in the receive buffer.
local function frames(count)
  if unrolled[count] then return unrolled[count]() end
  local received, values = shared.received, {}
  for i = 1, count do
    values[i] = ffi_string(received[i - 1].data, received[i - 1].size)
  end
  shared.received = nil
  return unpack(values, 1, count)
end

local function traced(self, ...)
  trace("Received", self, ...)
  return ...
end

-- Returns the frames of the message in the receive buffer, and records the script's line if a later error may
-- name it.
local function hand_over(self, count)
  local flags = shared.flags
  if flags == 0 then return frames(count) end
  if flags >= FLAG_LINE then core.note_call_site(self, 2) end
  if flags ~= FLAG_LINE then return traced(self, frames(count)) end
  return frames(count)
end

-- Returns whether the wait is over: its own timeout, or that of its request's reply with no retries left.
-- Gives up the request in the first case.
local function check_timeout(self, deadline)
  if not core.retry(self) then return true end
  if not deadline or core.now() < deadline then return false end
  core.abandon(self)
  return true
end

local complete

-- A finalizer receives while a message is being passed to Lua: its own message uses a separate buffer.
local function complete_nested(self, deadline, code, ...)
  if code > 0 then return ... end
  return complete(self, code, deadline)
end

-- The slow path for a result code of the host. Retries with tail calls, because a loop in this function would
-- keep it out of the script's compiled loop.
function complete(self, code, deadline)
  if code > 0 then return hand_over(self, code) end
  if code == AGAIN then
    local reason = core.wait(self, IN, deadline)
    if reason == TIMEOUT and check_timeout(self, deadline) then return nil, "timeout" end
    if reason < 0 then misuse.no_wait(reason, 2) end
  elseif code == PAUSE then
    core.sleep()
  elseif code == CLOSED then
    return nil, "closed"
  elseif code == NOT_ASKED then
    return nil, "timeout"
  elseif code == STOPPING then
    core.note_stop(self)
    return nil, "stopping"
  elseif code == NESTED then
    return complete_nested(self, deadline, core.receive_nested(self))
  else
    misuse.raise(2, code, self)
  end
  return complete(self, C.zl_ffi_receive(self), deadline)
end

function meta.__call(self)
  local count = C.zl_ffi_receive(self)
  if count == 1 and shared.flags == 0 then
    local frame = shared.received[0]
    local text = ffi_string(frame.data, frame.size)
    shared.received = nil
    return text
  elseif count > 0 then
    return hand_over(self, count)
  end
  return complete(self, count)
end

-- One message; or nil and "timeout" after `timeout` seconds, "closed" or "stopping".
function methods.recv(self, timeout)
  if metatable_of(self) ~= meta then misuse.raise(2, WRONG_SELF, self) end
  local deadline
  if timeout ~= nil then
    misuse.check_seconds(2, "timeout", timeout)
    deadline = core.now() + timeout
  end
  return complete(self, C.zl_ffi_receive(self), deadline)
end

local function complete_try(self, code)
  if code == AGAIN then return nil, core.retry(self) and "empty" or "timeout" end
  return complete(self, code)
end

local function complete_nested_try(self, code, ...)
  if code > 0 then return ... end
  return complete_try(self, code)
end

-- One message; or nil and "empty" at once, or "timeout" once the time for a reply is over.
function methods.try(self)
  if metatable_of(self) ~= meta then misuse.raise(2, WRONG_SELF, self) end
  local code = C.zl_ffi_receive(self)
  while code == PAUSE do code = C.zl_ffi_receive(self) end
  if code == NESTED then return complete_nested_try(self, core.receive_nested(self)) end
  return complete_try(self, code)
end
