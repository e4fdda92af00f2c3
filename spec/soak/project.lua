-- SPDX-License-Identifier: MIT
-- A worker's files in a folder of their own: main.lua, which opens the sockets, and handler.lua, whose
-- version goes out with every message. Good versions and everything that a save can get wrong.

local support = require "spec.support"

local project = {}
project.__index = project

-- What main.lua is for each kind of worker; $WORDS are the arguments.
local mains = {
  stream = [[
local zeroless = require "zeroless"
local version = require("handler").version
local pull = zeroless.Server{host = "127.0.0.1", port = $PORT}:pull()
local push = zeroless.Client():connect_local($SINK):push()
-- start
for number in pull do push(number, version(number)) end
]],
  dialogue = [[
local zeroless = require "zeroless"
local version = require("handler").version
local reply, requests = zeroless.Server{host = "127.0.0.1", port = $PORT}:reply()
-- start
for name, number in requests do reply(name, number, version(number)) end
]],
  echo = [[
local zeroless = require "zeroless"
local version = require("handler").version
local sub = zeroless.Server{host = "127.0.0.1", port = $PORT}:sub()
local pub = zeroless.Server{host = "127.0.0.1", port = $SINK}:pub()
local state = zeroless.state
state.ticks = state.ticks or 0
zeroless.every(0.002, function()
  state.ticks = state.ticks + 1
  pub("tick", tostring(state.ticks), version())
end)
-- start
for topic, number in sub do pub(topic, number, version(number)) end
]],
}

local HANDLER = [[
local version = "%06d"
return { version = function() return version end }
]]

local FAILING = [[
return { version = function() error "at the first message" end }
]]

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

-- The first half of a text, or less, that is no Lua any more.
local function truncated(text)
  local size = math.floor(#text / 2)
  while loadstring(text:sub(1, size)) do size = size - 1 end
  return text:sub(1, size)
end

-- A project in a fresh folder: main.lua of this kind, made with these arguments, and version 1.
function project.new(kind, arguments)
  local self = setmetatable({ folder = support.folder(), version = 1 }, project)
  self.main = mains[kind]:gsub("%$(%u+)", arguments)
  self.good = { ["main.lua"] = self.main, ["handler.lua"] = HANDLER:format(1) }
  for name, text in pairs(self.good) do write(self:path(name), text) end
  return self
end

function project:path(name)
  return self.folder .. "/" .. name
end

-- Saves as editors do: a new file takes the name of the old one.
function project:save(name, text)
  local temporary = self:path("." .. name .. ".new")
  write(temporary, text)
  assert(os.rename(temporary, self:path(name)))
end

function project:save_in_place(name, text)
  write(self:path(name), text)
end

-- Saves the next good version, and repairs what a bad save has left. The main script is saved anew at
-- times, too. Returns the version as it goes out.
function project:save_good()
  self.version = self.version + 1
  self.good["handler.lua"] = HANDLER:format(self.version)
  self:save("handler.lua", self.good["handler.lua"])
  if self.broken == "main.lua" or self.version % 7 == 0 then
    self.good["main.lua"] = self.main .. ("-- with version %d\n"):format(self.version)
    self:save("main.lua", self.good["main.lua"])
  end
  self.broken = nil
  return ("%06d"):format(self.version)
end

-- Ways to break a file: each saves one, and gives the stage at which the attempt ends.
project.bad = {
  syntax = function(self, name)
    self:save(name, self.good[name] .. "if then\n")
    return "compile"
  end,
  empty = function(self, name)
    self:save_in_place(name, "")
    return "compile"
  end,
  truncated = function(self, name)
    self:save_in_place(name, truncated(self.good[name]))
    return "compile"
  end,
  deleted = function(self, name)
    assert(os.remove(self:path(name)))
    return name == "main.lua" and "compile" or "start"
  end,
  start = function(self, name)
    self:save(name, name == "main.lua" and self.main:gsub("%-%- start", "error 'at start'")
      or "error 'at start'")
    return "start"
  end,
  message = function(self)
    self:save("handler.lua", FAILING)
    return "probation"
  end,
  -- Waits for ever before its sockets are made, or with them made. That is no error, so it commits;
  -- the next good save must take over all the same.
  endless = function(self, name)
    local waits = "zeroless.sleep(1e9)\n"
    self:save("main.lua", name == "main.lua" and self.main:gsub("%-%- start", waits)
      or self.main:gsub("\n", "\n" .. waits, 1))
    return nil
  end,
}

-- The names of the bad ways, sorted.
project.ways = {}
for way in pairs(project.bad) do project.ways[#project.ways + 1] = way end
table.sort(project.ways)

local function file_of(way, name)
  return way == "message" and "handler.lua" or way == "endless" and "main.lua" or name
end

-- Breaks the main script or its handler in the given way, and no other file any more. Returns the stage
-- at which the attempt ends; nil: it does not.
function project:break_it(way, name)
  local file = file_of(way, name)
  if self.broken and self.broken ~= file then self:repair() end
  self.broken, self.way = file, way
  return project.bad[way](self, name)
end

-- Whether it is broken in that way already.
function project:is_broken(way, name)
  return self.way == way and self.broken == file_of(way, name)
end

-- Puts back what was there before.
function project:repair()
  self:save(self.broken, self.good[self.broken])
  self.broken = nil
end

project.read, project.write = read, write

return project
