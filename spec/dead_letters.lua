-- SPDX-License-Identifier: MIT
-- Reads a file of dead letters: numbers of four bytes, the highest first, and frames (docs/reload.md).

local dead_letters = {}

-- The messages in the file, each an array of frames.
function dead_letters.read(path)
  local file = assert(io.open(path, "rb"))
  local text, at, found = file:read "*a", 1, {}
  file:close()
  local function number()
    local a, b, c, d = text:byte(at, at + 3)
    at = at + 4
    return ((a * 256 + b) * 256 + c) * 256 + d
  end
  while at <= #text do
    local frames = {}
    for i = 1, number() do
      local size = number()
      frames[i] = text:sub(at, at + size - 1)
      at = at + size
    end
    found[#found + 1] = frames
  end
  return found
end

return dead_letters
