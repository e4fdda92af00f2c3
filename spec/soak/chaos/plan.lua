-- SPDX-License-Identifier: MIT
-- A plan: options of the command, the versions of a script, and what happens to it. It is a list of parts
-- that stand for themselves, so that any of them can be left out:
--
--   { kind = "option", words = {…} }
--   { kind = "piece", text = …, versions = { [1] = true, … } }
--   { kind = "event", after = seconds, action = "save", "replace", "touch" or "hup", version = N, times = N }
--
-- A plan has also: seed; life, drain (seconds); theme: what it dwells on; prompt: nothing in it may keep a
-- reload waiting.

local dice_of = require "spec.soak.chaos.dice"
local lives = require "spec.soak.chaos.lives"
local luvs = require "spec.soak.chaos.luvs"
local patterns = require "spec.soak.chaos.patterns"
local prelude = require "spec.soak.chaos.prelude"

local plan = {}
plan.__index = plan

local HEARTBEAT = [[zeroless.every(0.1, function() io.stderr:write("chaos: alive <version>\n") end)]]

local anything = {
  { 28, patterns.single }, { 14, patterns.both }, { 4, patterns.asks_itself }, { 5, patterns.comes_and_goes },
  { 5, patterns.moves }, { 3, patterns.changes },
  { 22, luvs.any }, { 12, lives.handler }, { 8, lives.finalizer }, { 2, lives.crossing }, { 8, lives.time },
  { 6, lives.hook }, { 5, lives.ending }, { 1, lives.endless },
}
local prompt = { { 6, patterns.single }, { 4, patterns.both }, { 5, patterns.asks_itself } }

-- These need --watch or --restart.
local recovery_words = { { "--redeliver", "1" }, { "--redeliver", "3" }, { "--dead-letter", "letters" } }
-- What there is besides in scripts that dwell on something.
local themes = {
  failing = { lives.handler, lives.ending },
  changing = { patterns.changes, patterns.changes, lives.closing_handler },
}

local option_words = {
  { "--probation", "5" }, { "--probation", "1000" }, { "--log-format", "json" }, { "--log-format", "text" },
  { "--log-level", "debug" }, { "--max-memory", "64" }, { "-joff" },
}

function plan:add(part)
  self.parts[#self.parts + 1] = part
end

local function all_versions(count)
  local versions = {}
  for i = 1, count do versions[i] = true end
  return versions
end

-- Some from the first version on, some from a later one, and some that are gone then.
local function some_versions(dice, count)
  if dice:chance(60) then return all_versions(count) end
  local versions = {}
  for i = 1, count do versions[i] = dice:chance(50) or nil end
  return versions
end

local function add_options(self, dice)
  local function some(list, percent)
    for _, words in ipairs(list) do
      if dice:chance(percent) then self:add { kind = "option", words = words } end
    end
  end
  some({ { "--watch" } }, self.theme == "failing" and 90 or 60)
  some({ { "--restart" } }, self.theme == "failing" and 10 or 30)
  if #self.parts > 0 then some(recovery_words, 15) end
  some(option_words, 12)
end

local function add_pieces(self, dice, count)
  local choices = self.prompt and prompt or anything
  if dice:chance(70) then self:add { kind = "piece", text = HEARTBEAT, versions = all_versions(count) } end
  for _ = 1, 1 + dice.roll(7) do
    local text = dice:weighted(choices)
    local safe = not self.prompt and dice:chance(15) and "do\n%s\nend" or "try(function()\n%s\nend)"
    self:add { kind = "piece", text = safe:gsub("%%s", function() return text end),
      versions = some_versions(dice, count) }
  end
  for _, make in ipairs(themes[self.theme] or {}) do
    self:add { kind = "piece", text = "try(function()\n" .. make(dice) .. "\nend)", versions = all_versions(count) }
  end
  for version = 2, count do
    if dice:chance(self.theme == "failing" and 75 or 45) then
      self:add { kind = "piece", text = lives.start(dice), versions = { [version] = true } }
    end
  end
  if dice:chance(30) then
    self:add { kind = "piece", text = "zeroless.sleep(1000)", versions = all_versions(count) }
  end
end

local function add_events(self, dice, count)
  for version = 2, count do
    local after = dice:pick { 0, 0.02, 0.1, 0.3, 0.6 }
    local action = dice:pick { "save", "replace" }
    self:add { kind = "event", after = after, action = action, version = version }
    if dice:chance(40) then
      self:add { kind = "event", after = 0, action = "hup", times = dice:pick { 1, 1, 3, 10 } }
    end
  end
  if dice:chance(30) then
    self:add { kind = "event", after = dice:pick { 0, 0.2, 0.5 }, action = "hup", times = dice:pick { 1, 5 } }
  end
  if dice:chance(10) then self:add { kind = "event", after = 0.1, action = "touch" } end
end

function plan.new(seed)
  local dice = dice_of.new(seed)
  local self = setmetatable({ seed = seed, parts = {} }, plan)
  self.theme = dice:pick { "prompt", "failing", "changing", "any", "any", "any", "any" }
  self.prompt = self.theme == "prompt"
  self.life = dice:pick { 0.2, 0.5, 1, 1.5, 3 }
  self.drain = dice:pick { 0, 0.2, 0.5, 1, 2 }
  self.versions = self.theme == "any" and dice:pick { 1, 1, 2, 2, 3, 4 } or dice:pick { 2, 3, 4 }
  add_options(self, dice)
  add_pieces(self, dice, self.versions)
  add_events(self, dice, self.versions)
  self.kept = {}
  for i = 1, #self.parts do self.kept[i] = true end
  return self
end

-- The parts that are kept, in order: an iterator of number, part.
function plan:each(kind)
  local i = 0
  return function()
    repeat
      i = i + 1
      local part = self.parts[i]
      if part and part.kind == kind and self.kept[i] then return i, part end
    until not part
  end
end

-- The same plan with these parts alone.
function plan:only(numbers)
  local copy = setmetatable({}, { __index = self })
  copy.kept = {}
  for _, number in ipairs(numbers) do copy.kept[number] = true end
  return copy
end

function plan:numbers()
  local list = {}
  for i = 1, #self.parts do if self.kept[i] then list[#list + 1] = i end end
  return list
end

-- The text of a version; `words` are addresses and the like.
function plan:text(version, words)
  local list = { prelude }
  for number, part in self:each "piece" do
    if part.versions[version] then list[#list + 1] = ("-- part %d\n%s\n"):format(number, part.text) end
  end
  local text = table.concat(list, "\n"):gsub("<version>", tostring(version))
  return (text:gsub("%$(%u+)", function(word) return assert(words[word], word) end))
end

return plan
