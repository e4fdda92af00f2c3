-- SPDX-License-Identifier: MIT
-- Functions without loops for messages of up to 8 frames, generated from templates: without a loop or a
-- table, LuaJIT compiles them into the script's loop.

local MOST = 8

local unroll = { MOST = MOST }

-- Expands a template for i = 1..count: $i and $o stand for i and i - 1.
local function pieces(template, count, separator)
  local list = {}
  for i = 1, count do
    list[i] = template:gsub("%$%l", { ["$i"] = tostring(i), ["$o"] = tostring(i - 1) })
  end
  return table.concat(list, separator)
end

local function compile(text, ...)
  return assert(loadstring(text, "=zeroless/unroll.lua"))(...)
end

local SENDER = [[
local C, type = ...
return function(self, %s)
  if %s then return C.zl_ffi_send_%s(self, %s%s) end
end]]

-- The smallest of the host's functions (for 2, 4 or 8 frames) that takes `count`.
local function places_for(count)
  return count <= 2 and 2 or count <= 4 and 4 or 8
end

-- By frame count: a function (sender, frame, ...) that sends them and returns the result code, or nil if one
-- is not a string.
function unroll.senders(C)
  local senders = {}
  for count = 2, MOST do
    local places = places_for(count)
    senders[count] = compile(SENDER:format(
      pieces("f$i", count, ", "),
      pieces("type(f$i) == 'string'", count, " and "),
      places, places > 2 and count .. ", " or "",
      pieces("f$i, #f$i", count, ", ") .. (", nil, 0"):rep(places - count)), C, type)
  end
  return senders
end

local RECEIVER = [[
local shared, text = ...
return function()
  local received = shared.received
  local %s = %s
  shared.received = nil
  return %s
end]]

-- By frame count: a function that returns the frames in the receive buffer as strings.
function unroll.receivers(shared, text)
  local receivers = {}
  for count = 1, MOST do
    local names = pieces("f$i", count, ", ")
    receivers[count] = compile(RECEIVER:format(
      names, pieces("text(received[$o].data, received[$o].size)", count, ", "), names), shared, text)
  end
  return receivers
end

return unroll
