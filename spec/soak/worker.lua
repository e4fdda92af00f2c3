-- SPDX-License-Identifier: MIT
-- The host under test: its log is read, so that every attempt to reload is known with its end.

local support = require "spec.support"
local process = require "spec.soak.process"
local uv = require "luv"

local worker = {}

-- The first line of an attempt's end; its repetition every minute is none.
local function is_attempt(record)
  return record.stage and record.level ~= "warn"
end

-- Starts main.lua in a folder with these options of the host, the running one or another. The process has
-- besides: `attempts`, the lines of their ends; `probations`, how many generations have begun to serve on
-- probation; `notices`, how often the files were said to be those that serve.
function worker.start(folder, options, host)
  -- A runner that is killed takes it along.
  local command = {
    "/usr/bin/setpriv", "--pdeathsig", "KILL", host or support.host, "--log-format", "json", cwd = folder,
  }
  if not support.jit then command[#command + 1] = "-joff" end
  for _, option in ipairs(options) do command[#command + 1] = option end
  command[#command + 1] = "main.lua"
  local self
  self = process.start(command, function(record)
    if is_attempt(record) then
      record.seen = uv.hrtime() / 1e9
      self.attempts[#self.attempts + 1] = record
    elseif record.msg:find("serves on probation", 1, true) then
      self.probations = self.probations + 1
    elseif record.msg:find("the files are again those", 1, true) then
      self.notices = self.notices + 1
    elseif record.msg == "Ready..." then
      self.ready = (self.ready or 0) + 1
    end
  end)
  self.attempts, self.probations, self.notices = {}, 0, 0
  return self
end

-- Waits for the end of attempt number n.
function worker.attempt(self, n)
  return self:await(function() return self.attempts[n] end, ("the end of attempt %d"):format(n))
end

-- Waits for the first attempt after the first n that succeeds.
function worker.reloaded(self, n)
  return self:await(function()
    for i = n + 1, #self.attempts do
      if self.attempts[i].msg == "reloaded" then return self.attempts[i] end
    end
  end, ("a reload after attempt %d"):format(n))
end

function worker.stop(self)
  self:kill "sigterm"
  return self:finish()
end

local function count(path)
  local entries, n = assert(uv.fs_scandir(path)), 0
  while uv.fs_scandir_next(entries) do n = n + 1 end
  return n
end

-- What the process has of the system: bytes of memory, descriptors, threads.
function worker.size(self)
  local file = assert(io.open(("/proc/%d/statm"):format(self.pid)))
  local _, resident = file:read("*n", "*n")
  file:close()
  return {
    bytes = resident * 4096,
    descriptors = count(("/proc/%d/fd"):format(self.pid)),
    threads = count(("/proc/%d/task"):format(self.pid)),
  }
end

return worker
