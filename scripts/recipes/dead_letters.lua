-- Dead letters: prints the messages that a worker could not handle, or pushes them again.
-- Run it: ./dev run scripts/recipes/dead_letters.lua FILE [HOST PORT]
-- FILE is the one that the worker's zlrun --dead-letter FILE has written; without HOST and PORT it is printed.
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Client = zeroless.Client

local path, host, port = arg[1], arg[2], tonumber(arg[3])
assert(path, "which file? dead_letters.lua FILE [HOST PORT]")
local file = assert(io.open(path, "rb"))

-- A 32-bit number, big-endian; nil at the end of the file
local function number()
  local bytes = file:read(4)
  if not bytes then return nil end
  local a, b, c, d = bytes:byte(1, 4)
  return ((a * 256 + b) * 256 + c) * 256 + assert(d, "the file ends in the middle of a message")
end

-- Prints a message, or pushes it to the worker
local handle = function(...) print(table.concat({ ... }, "\t - \t")) end
if host then handle = Client():connect(host, port):push() end

-- A message is its number of frames, then the size and the bytes of each frame
for count in number do
  local frames = {}
  for i = 1, count do
    local size = number()
    frames[i] = size == 0 and "" or file:read(size)
    assert(size and frames[i] and #frames[i] == size, "the file ends in the middle of a message")
  end
  handle(unpack(frames))
end
