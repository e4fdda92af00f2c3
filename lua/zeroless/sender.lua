-- SPDX-License-Identifier: MIT
-- The sender's operations on messages: check all frames, send them in a single FFI call, wait and retry while
-- there is no room. Errors name the caller's line: each function that raises is reached by tail calls, so
-- level 2 is the script.

local core = require "zeroless.core"
local ffi = require "zeroless.ffi"
local misuse = require "zeroless.misuse"
local trace = require "zeroless.trace"
local unroll = require "zeroless.unroll"

local C, shared, new_frames = ffi.C, ffi.shared, ffi.new_frames
local AGAIN, PAUSE, CLOSED, GONE = C.ZL_AGAIN, C.ZL_PAUSE, C.ZL_CLOSED, C.ZL_GONE
local WRONG_SELF = C.ZL_WRONG_SELF
local FLAG_LINE, FRAMES_MAX = C.ZL_FLAG_LINE, C.ZL_FRAMES_MAX
local OUT, TIMEOUT = core.OUT, core.TIMEOUT
local MOMENT = 0.001 -- seconds
local metatable_of, select, type = debug.getmetatable, select, type

local methods, meta = core.sender.methods, core.sender.meta

local unrolled = unroll.senders(C)

-- Passes the frames to the host without waiting. Returns its result code, or nil for an invalid list of
-- frames.
local function offer(self, ...)
  local count = select("#", ...)
  if unrolled[count] then return unrolled[count](self, ...) end
  if count == 0 or count > FRAMES_MAX then return nil end
  local outgoing, frames = new_frames(count), { ... }
  for i = 1, count do
    local frame = frames[i]
    if type(frame) ~= "string" then return nil end
    outgoing[i - 1].data, outgoing[i - 1].size = frame, #frame
  end
  return C.zl_ffi_send_frames(self, outgoing, count)
end

-- Called after a successful send: records the script's line if a later error may name it.
local function sent(self, ...)
  local flags = shared.flags
  if flags >= FLAG_LINE then core.note_call_site(self, 2) end
  if flags ~= FLAG_LINE then trace("Sent", self, ...) end
  return true
end

-- Waits for room until `deadline`. A reply needs room for one particular peer, which libzmq does not report
-- while another peer has room: in that case, poll every millisecond.
local function wait_for_room(self, deadline, is_reply)
  if not is_reply then return core.wait(self, OUT, deadline) end
  return core.sleep(math.min(core.now() + MOMENT, deadline))
end

-- The slow path for a result code of the host (nil: invalid frames).
local function complete(self, code, ...)
  local deadline, is_reply
  while code ~= 0 do
    if code == AGAIN then
      if not deadline then
        local pattern, _, _, _, timeout = core.describe(self)
        is_reply = pattern == "reply"
        deadline = timeout and core.now() + timeout or math.huge
      end
      local reason = wait_for_room(self, deadline, is_reply)
      if reason == TIMEOUT and core.now() >= deadline then
        core.timed_out(self)
        return nil, "timeout"
      end
      if reason < 0 then misuse.no_wait(reason, 2) end
    elseif code == PAUSE then
      core.sleep()
    elseif code == CLOSED then
      return nil, "closed"
    elseif code == GONE then
      return nil, "gone"
    elseif code then
      misuse.raise(2, code, self, ...)
    else
      misuse.frames(2, ...)
    end
    code = offer(self, ...)
  end
  if shared.flags ~= 0 then return sent(self, ...) end
  return true
end

function meta.__call(self, ...)
  local count = select("#", ...)
  if count == 1 then
    local frame = ...
    if type(frame) == "string" then
      local code = C.zl_ffi_send(self, frame, #frame)
      if code ~= 0 then return complete(self, code, frame) end
      if shared.flags == 0 then return true end
      return sent(self, frame)
    end
  end
  local send = unrolled[count] or offer
  local code = send(self, ...)
  if code == 0 and shared.flags == 0 then return true end
  return complete(self, code, ...)
end

function methods.try(self, ...)
  if metatable_of(self) ~= meta then misuse.raise(2, WRONG_SELF, self) end
  local code = offer(self, ...)
  while code == PAUSE do code = offer(self, ...) end
  if code == AGAIN then return nil, "full" end
  if code == 0 and shared.flags == 0 then return true end
  return complete(self, code, ...)
end

-- For pub: waits until peers hold at least `count` subscriptions. Returns true, or nil and "timeout" or
-- "closed".
function methods.wait_subscribers(self, count, timeout)
  if metatable_of(self) ~= meta then misuse.raise(2, WRONG_SELF, self) end
  if core.describe(self) ~= "pub" then error("only a pub has subscribers", 2) end
  if type(count) ~= "number" then error("the number of subscribers to wait for must be a number", 2) end
  if timeout ~= nil then misuse.check_seconds(2, "timeout", timeout) end
  local deadline = timeout and core.now() + timeout
  while self.subscribers < count do
    if core.is_closed(self) then return nil, "closed" end
    local reason = core.wait(self, core.IN, deadline)
    if reason == TIMEOUT then return nil, "timeout" end
    if reason < 0 then misuse.no_wait(reason, 2) end
  end
  return true
end
