-- SPDX-License-Identifier: MIT
-- Logs messages at debug level, only if that level is logged.

local core = require "zeroless.core"
local ffi = require "zeroless.ffi"

local C, shared = ffi.C, ffi.shared
local DEBUG, PREVIEW = 0, 60

local function preview(...)
  local shown = {}
  for i = 1, math.min(select("#", ...), 8) do
    local frame = select(i, ...)
    shown[i] = #frame > PREVIEW and frame:sub(1, PREVIEW) .. "..." or frame
  end
  return table.concat(shown, " | ")
end

-- `verb` is "Sent" or "Received". The script reaches the caller by a tail call, so its line is at level 3.
return function(verb, self, ...)
  if shared.flags % 2 ~= C.ZL_FLAG_TRACE then return end
  local bytes = 0
  for i = 1, select("#", ...) do bytes = bytes + #(select(i, ...)) end
  local pattern, endpoints = core.describe(self)
  core.log(DEBUG, verb, {
    pattern = pattern, endpoint = endpoints, frames = select("#", ...), bytes = bytes, data = preview(...),
  }, 3)
end
