-- SPDX-License-Identifier: MIT
-- The error messages of the fast path. `level` counts from the calling function, as in error().

local core = require "zeroless.core"
local ffi = require "zeroless.ffi"

local C, shared = ffi.C, ffi.shared
local ffi_string = ffi.string

local misuse = {}

-- Raises the reason why a wait (core.wait, core.sleep, core.join) did not take place.
function misuse.no_wait(reason, level)
  local where = reason == core.NOT_IN_TASK
    and "cannot wait here: this runs in a callback, outside any task"
    or "cannot wait here: a wait cannot cross require, dofile, table.sort, a string.gsub callback "
      .. "or another C function"
  error(where .. "; zeroless.spawn(f) runs f in a task of its own, which may wait", level + 1)
end

-- The position, from 1, and the type of the first value that is not a string.
local function first_wrong(...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if type(value) ~= "string" then return i, type(value) end
  end
end

function misuse.frames(level, ...)
  local count = select("#", ...)
  if count == 0 then error("nothing to send: a message has at least one frame", level + 1) end
  local position, kind = first_wrong(...)
  if position then
    error(("frame %d is a %s, not a string; convert it with tostring()"):format(position, kind), level + 1)
  end
  if count > C.ZL_FRAMES_MAX then
    error(("a message of %d frames is too long, the limit is %d"):format(count, C.ZL_FRAMES_MAX), level + 1)
  end
end

local function line_of(self)
  local line = core.call_site(self)
  return line ~= "" and line or "an unknown line"
end

local function is_request(self)
  return core.describe(self) == "request"
end

local explain = {
  [C.ZL_TOO_BIG] = function(self, ...)
    local _, _, _, limit = core.describe(self)
    local index = shared.frame_index
    return ("frame %d has %d bytes, above max_message_size (%d)"):format(index, #(select(index, ...)), limit)
  end,
  [C.ZL_OFF_TOPIC] = function(self, ...)
    local _, _, topic = core.describe(self)
    return ("the first frame must begin with the topic %q, not with %q; embed_topic = true prepends it")
      :format(topic, (...):sub(1, #topic))
  end,
  [C.ZL_UNANSWERED] = function(self)
    if is_request(self) then
      return "the request sent at " .. line_of(self) .. " is still open; read its reply before sending another"
    end
    return "the request received at " .. line_of(self) .. " has no reply yet; reply before receiving the next"
  end,
  [C.ZL_NOTHING_ASKED] = function(self)
    local line = core.call_site(self)
    if is_request(self) then
      return "no request is open, so there is no reply to wait for; call the sender first"
        .. (line ~= "" and " (the last reply was read at " .. line .. ")" or "")
    end
    return "there is no request to reply to" .. (line ~= "" and "; the last one was answered at " .. line or "")
  end,
  [C.ZL_WRONG_SELF] = function()
    return "bad self: call methods with a colon, push:try(msg), pull:recv(1)"
  end,
  [C.ZL_REFUSED] = function()
    return core.REFUSAL
  end,
  [C.ZL_FAILED] = function()
    return "libzmq failed: " .. ffi_string(C.zl_ffi_error())
  end,
}

-- Raises the error for a result code (runtime/zmq/message.h) caused by a mistake of the script. For a send,
-- `...` are its frames.
function misuse.raise(level, code, self, ...)
  error(explain[code](self, ...), level + 1)
end

function misuse.check_seconds(level, name, value)
  if type(value) ~= "number" or value ~= value or value < 0 then
    local given = type(value) == "number" and tostring(value) or "a " .. type(value)
    error(("%s must be a number of seconds, 0 or more, not %s"):format(name, given), level + 1)
  end
end

return misuse
