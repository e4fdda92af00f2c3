-- SPDX-License-Identifier: MIT
-- What every random script begins with. A message is three frames or more, whose last three are NAME, any,
-- NAME: so one that was put together from two others shows.

return [[
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client
io.stderr:write("chaos: started <version>\n")

local chaos = { sockets = {} }

local function say(...)
  io.stderr:write("chaos: ", table.concat({ ... }, " "), "\n")
end

-- Calls f; what it raises is told and does not end the script.
local function try(f, ...)
  local ok, err = pcall(f, ...)
  if not ok then say("caught", (tostring(err):gsub("\n.*", ""))) end
  return ok
end

local function go(f) return zeroless.spawn(function() try(f) end) end

-- Looks at a message of `want`, or of anybody, and returns it.
local function check(want, ...)
  local count = select("#", ...)
  local begin = (...)
  if begin == nil then return ... end
  local first, last = count >= 3 and (select(count - 2, ...)), (select(count, ...))
  if count < 3 or first ~= last or want and first ~= want then
    say("WRONG FRAMES for", tostring(want), "came:", tostring(count), tostring(begin):sub(1, 40),
      tostring(first):sub(1, 40), tostring(last):sub(1, 40))
  end
  return ...
end

function chaos.keep(...)
  for i = 1, select("#", ...) do
    if #chaos.sockets < 200 then table.insert(chaos.sockets, (select(i, ...))) end
  end
  return ...
end

local turn = 0
local function next_socket()
  turn = turn + 1
  return chaos.sockets[turn % math.max(1, #chaos.sockets) + 1]
end

function chaos.show(record)
  say("record", record.message)
end

function chaos.send(name)
  local socket = next_socket()
  return socket and socket(name, "sent", name)
end

function chaos.try_send(name)
  local socket = next_socket()
  return socket and socket:try(name, "tried", name)
end

function chaos.receive()
  local socket = next_socket()
  return socket and check(nil, socket:try())
end

function chaos.close_one()
  if turn < 20 then next_socket() else turn = 0 next_socket():close() end
end

function chaos.close_all()
  for _, socket in ipairs(chaos.sockets) do socket:close() end
end
]]
