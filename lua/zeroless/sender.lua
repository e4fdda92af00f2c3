-- SPDX-License-Identifier: MIT
-- What a sender does for every message: check all frames, hand them to the host in one FFI call, wait
-- and try again while there is no room. Errors name the caller's line: each function here that raises
-- is reached by tail calls, so level 2 is the script.

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

local straight = unroll.senders(C)

-- Lays the frames out for the host: the code of its send, or nil when they are not fit to be sent.
local function offer(self, ...)
  local count = select("#", ...)
  if straight[count] then return straight[count](self, ...) end
  if count == 0 or count > FRAMES_MAX then return nil end
  local outgoing, frames = new_frames(count), { ... }
  for i = 1, count do
    local frame = frames[i]
    if type(frame) ~= "string" then return nil end
    outgoing[i - 1].data, outgoing[i - 1].size = frame, #frame
  end
  return C.zl_ffi_send_frames(self, outgoing, count)
end

-- The message is sent: remembers the line of the script where a later error may name it.
local function sent(self, ...)
  local flags = shared.flags
  if flags >= FLAG_LINE then core.mark(self, 2) end
  if flags ~= FLAG_LINE then trace("Sent", self, ...) end
  return true
end

-- Waits for room until `deadline`. A reply needs room with one peer, of which libzmq says nothing while
-- it has another: there a moment passes instead.
local function wait_for_room(self, deadline, is_reply)
  if not is_reply then return core.wait(self, OUT, deadline) end
  return core.sleep(math.min(core.now() + MOMENT, deadline))
end

-- Everything but the fast path: `code` is what the host said first.
local function settle(self, code, ...)
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
      if code ~= 0 then return settle(self, code, frame) end
      if shared.flags == 0 then return true end
      return sent(self, frame)
    end
  end
  local send = straight[count] or offer
  local code = send(self, ...)
  if code == 0 and shared.flags == 0 then return true end
  return settle(self, code, ...)
end

function methods.try(self, ...)
  if metatable_of(self) ~= meta then misuse.raise(2, WRONG_SELF, self) end
  local code = offer(self, ...)
  while code == PAUSE do code = offer(self, ...) end
  if code == AGAIN then return nil, "full" end
  if code == 0 and shared.flags == 0 then return true end
  return settle(self, code, ...)
end

-- pub: waits until peers hold at least `count` subscriptions: true, or nil and "timeout".
function methods.wait_subscribers(self, count, timeout)
  if metatable_of(self) ~= meta then misuse.raise(2, WRONG_SELF, self) end
  if core.describe(self) ~= "pub" then error("only a pub has subscribers", 2) end
  if type(count) ~= "number" then error("how many subscribers to wait for must be a number", 2) end
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
