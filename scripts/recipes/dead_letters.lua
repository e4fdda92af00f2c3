-- Dead letters: prints the messages that a worker could not handle, or pushes them again.
-- Run it: ./dev run scripts/recipes/dead_letters.lua FILE [HOST PORT]
-- FILE is the one that the worker's zlrun --dead-letter FILE has written; without HOST and PORT it is printed.
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Client = zeroless.Client

local path, host, port = arg[1], arg[2], tonumber(arg[3])
assert(path, "which file? dead_letters.lua FILE [HOST PORT]")
local file = assert(io.open(path, "rb"))

-- The next bytes of the file
local function bytes(size)
  local found = size == 0 and "" or file:read(size)
  if not found or #found < size then error(path .. " ends in the middle of a message", 0) end
  return found
end

-- A 32-bit number, big-endian
local function number()
  local a, b, c, d = bytes(4):byte(1, 4)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

-- Prints a message, or pushes it to the worker
local handle = function(...) print(table.concat({ ... }, "\t - \t")) end
if host then handle = Client():connect(host, port):push() end

-- A message is its number of frames, then the size and the bytes of each frame
while file:read(0) do
  local frames = {}
  for i = 1, number() do frames[i] = bytes(number()) end
  handle(unpack(frames))
end
