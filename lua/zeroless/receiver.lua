-- SPDX-License-Identifier: MIT
-- What a receiver does for every message: take it whole from the host in one FFI call, make its frames
-- strings, wait while there is none. Errors name the caller's line: each function here that raises is
-- reached by tail calls, so level 2 is the script.

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

local straight = unroll.receivers(shared, ffi_string)

-- The frames of the message received last.
local function frames(count)
  if straight[count] then return straight[count]() end
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

-- The frames of the message received last for the script, whose line is remembered where a later error
-- may name it.
local function hand_over(self, count)
  local flags = shared.flags
  if flags == 0 then return frames(count) end
  if flags >= FLAG_LINE then core.mark(self, 2) end
  if flags ~= FLAG_LINE then return traced(self, frames(count)) end
  return frames(count)
end

-- Whether the wait is over: the receiver's own time is, or the one that its request has for a reply
-- and that no further try prolongs.
local function gives_up(self, deadline)
  if not core.retry(self) then return true end
  if not deadline or core.now() < deadline then return false end
  core.abandon(self)
  return true
end

local settle

-- A finalizer receives while a message is on its way into Lua, between the host and the last string:
-- its own message takes another way.
local function settle_nested(self, deadline, code, ...)
  if code > 0 then return ... end
  return settle(self, code, deadline)
end

-- Everything but the fast path: `code` is what the host said. It tries again by tail calls: a loop
-- in here could not become part of the compiled loop of the script.
function settle(self, code, deadline)
  if code > 0 then return hand_over(self, code) end
  if code == AGAIN then
    local reason = core.wait(self, IN, deadline)
    if reason == TIMEOUT and gives_up(self, deadline) then return nil, "timeout" end
    if reason < 0 then misuse.no_wait(reason, 2) end
  elseif code == PAUSE then
    core.sleep()
  elseif code == CLOSED then
    return nil, "closed"
  elseif code == NOT_ASKED then
    return nil, "timeout"
  elseif code == STOPPING then
    core.told(self)
    return nil, "stopping"
  elseif code == NESTED then
    return settle_nested(self, deadline, core.receive_nested(self))
  else
    misuse.raise(2, code, self)
  end
  return settle(self, C.zl_ffi_receive(self), deadline)
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
  return settle(self, count)
end

-- One message, or nil and "timeout" after `timeout` seconds, "closed" or "stopping".
function methods.recv(self, timeout)
  if metatable_of(self) ~= meta then misuse.raise(2, WRONG_SELF, self) end
  local deadline
  if timeout ~= nil then
    misuse.check_seconds(2, "timeout", timeout)
    deadline = core.now() + timeout
  end
  return settle(self, C.zl_ffi_receive(self), deadline)
end

local function missed(self, code)
  if code == AGAIN then return nil, core.retry(self) and "empty" or "timeout" end
  return settle(self, code)
end

local function tried_nested(self, code, ...)
  if code > 0 then return ... end
  return missed(self, code)
end

-- One message, or nil and "empty" at once; "timeout" once the time for a reply is over.
function methods.try(self)
  if metatable_of(self) ~= meta then misuse.raise(2, WRONG_SELF, self) end
  local code = C.zl_ffi_receive(self)
  while code == PAUSE do code = C.zl_ffi_receive(self) end
  if code == NESTED then return tried_nested(self, core.receive_nested(self)) end
  return missed(self, code)
end
