-- SPDX-License-Identifier: MIT
-- A child process whose lines are heard as they come: JSON ones as tables. Every wait has a deadline.

local cjson = require "cjson"
local support = require "spec.support"
local uv = require "luv"

local process = {}
process.__index = process

local KEPT = 12 -- lines that are shown when something goes wrong

local function take_line(self, line)
  self.tail[#self.tail + 1] = line
  if #self.tail > KEPT then table.remove(self.tail, 1) end
  if self.on_line then self.on_line(line) end
  if line:sub(1, 1) ~= "{" then return end
  local ok, record = pcall(cjson.decode, line)
  if not ok then return end
  self.last = record
  if self.on_record then self.on_record(record) end
end

local function read_lines(self, pipe)
  local rest = ""
  self.open = self.open + 1
  pipe:read_start(function(_, data)
    if not data then
      pipe:close()
      self.open = self.open - 1
      return
    end
    rest = rest .. data
    local begin = 1
    for line, next_line in rest:gmatch "([^\n]*)\n()" do
      take_line(self, line)
      begin = next_line
    end
    rest = rest:sub(begin)
  end)
end

-- Starts {path, args...}; `on_record(record)` is called for each line of JSON, `on_line(line)` for each line,
-- outside any task.
function process.start(command, on_record, on_line)
  local self = setmetatable({ tail = {}, open = 0, on_record = on_record, on_line = on_line }, process)
  local args = {}
  for i = 2, #command do args[i - 1] = tostring(command[i]) end
  self.input = uv.new_pipe(false)
  local pipes = { uv.new_pipe(false), uv.new_pipe(false) }
  local handle, pid = uv.spawn(command[1], {
    args = args, cwd = command.cwd, stdio = { self.input, pipes[1], pipes[2] },
  }, function(code, signal)
    self.code, self.signal = code, signal
    self.handle:close()
  end)
  self.handle, self.pid = assert(handle, pid), pid
  for _, pipe in ipairs(pipes) do read_lines(self, pipe) end
  return self
end

function process:kill(signal)
  if not self.code then self.handle:kill(signal) end
end

function process:complain(what)
  self:kill "sigkill"
  error(("%s\n%s"):format(what, table.concat(self.tail, "\n")), 0)
end

-- Waits until condition() is true, and gives its value; a child that ends before is an error.
function process:await(condition, what)
  local ok, value = pcall(support.eventually, function() return condition() or (self.code and self.open == 0) end, what)
  if not ok then self:complain(value) end
  value = condition()
  if not value then self:complain(("the process ended (%d) without: %s"):format(self.code, what)) end
  return value
end

-- Ends its input and waits for its own end. Returns its last record.
function process:finish()
  if not self.input:is_closing() then self.input:close() end
  self:await(function() return self.code and self.open == 0 end, "its end")
  if self.code ~= 0 then self:complain("the process ended with " .. self.code .. ", signal " .. self.signal) end
  return self.last
end

return process
