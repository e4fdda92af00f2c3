-- Dead letters: shows the messages that no try could handle, or pushes them again, to a worker that can.
-- Run it: ./dev run scripts/dead_letters.lua FILE [HOST PORT]
-- FILE is what zlrun --restart --redeliver N --dead-letter FILE has kept of a worker.
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Client = zeroless.Client

local path, host, port = arg[1], arg[2], tonumber(arg[3])
assert(path, "which file? dead_letters.lua FILE [HOST PORT]")
local file = assert(io.open(path, "rb"))

-- A number of 32 bits, the highest byte first; nil at the end of the file
local function number()
  local bytes = file:read(4)
  if not bytes then return nil end
  local a, b, c, d = bytes:byte(1, 4)
  return ((a * 256 + b) * 256 + c) * 256 + assert(d, "the file ends in the middle of a message")
end

-- Prints them, or pushes them to the worker
local handle = function(...) print(table.concat({ ... }, "\t - \t")) end
if host then handle = Client():connect(host, port):push() end

-- A message is the number of its frames, then each frame's size and its bytes
for count in number do
  local frames = {}
  for i = 1, count do
    local size = number()
    frames[i] = size == 0 and "" or file:read(size)
    assert(size and frames[i] and #frames[i] == size, "the file ends in the middle of a message")
  end
  handle(unpack(frames))
end
