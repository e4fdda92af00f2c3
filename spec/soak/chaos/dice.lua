-- SPDX-License-Identifier: MIT
-- The choices of a random script: a seed gives the same ones on every machine.

local mix = require "spec.soak.mix"

local dice = {}
dice.__index = dice

function dice.new(seed)
  local self = setmetatable({ roll = mix.random(seed * 7919 + 17), serial = 0 }, dice)
  for _ = 1, 3 do self.roll(1) end
  return self
end

function dice:chance(percent)
  return self.roll(100) <= percent
end

function dice:pick(list)
  return list[self.roll(#list)]
end

-- A name that the script uses once.
function dice:name(prefix)
  self.serial = self.serial + 1
  return prefix .. self.serial
end

-- Puts words in place of <words>; a missing one is a mistake of the generator.
function dice.fill(text, words)
  return (text:gsub("<(%l+)>", function(word) return assert(words[word], word) end))
end

-- One of a list of {weight, maker}: what maker(self) returns.
function dice:weighted(list)
  local total = 0
  for _, entry in ipairs(list) do total = total + entry[1] end
  local rest = self.roll(total)
  for _, entry in ipairs(list) do
    rest = rest - entry[1]
    if rest <= 0 then return entry[2](self) end
  end
end

return dice
