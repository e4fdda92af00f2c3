-- SPDX-License-Identifier: MIT
-- Straight-line functions for messages of 2 to 8 frames, made from templates: without a loop or a table
-- they are part of the compiled loop that sends or receives.

local MOST = 8

local unroll = { MOST = MOST }

-- The pieces for i = 1..count of a template in which $i and $o stand for i and i - 1.
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
local C, hot, type = ...
return function(self, %s)
  if %s then
    local outgoing = hot.outgoing
    %s
    return C.zl_hot_send_frames(self, %d)
  end
end]]

-- By count: a function (sender, frame, ...) that sends them; its code, or nil when one is no string.
function unroll.senders(C, hot)
  local senders = {}
  for count = 2, MOST do
    senders[count] = compile(SENDER:format(
      pieces("f$i", count, ", "),
      pieces("type(f$i) == 'string'", count, " and "),
      pieces("outgoing[$o].data, outgoing[$o].size = f$i, #f$i", count, " "),
      count), C, hot, type)
  end
  return senders
end

local RECEIVER = [[
local hot, text = ...
return function()
  local received = hot.received
  return %s
end]]

-- By count: a function that returns the frames of the message received last, as strings.
function unroll.receivers(hot, text)
  local receivers = {}
  for count = 1, MOST do
    receivers[count] = compile(RECEIVER:format(
      pieces("text(received[$o].data, received[$o].size)", count, ", ")), hot, text)
  end
  return receivers
end

return unroll
