-- SPDX-License-Identifier: MIT
-- A script under the host, in a folder of its own: it is saved, reloaded, read in its log, and stopped. The
-- specs of the reload share it.

local support = require "spec.support"
local zeroless = require "zeroless"
local json = require "cjson"

local worker = {}
worker.__index = worker

-- On the first line of every script, so that its other lines keep their numbers.
worker.prelude = [[local zeroless = require "zeroless" io.stdout:setvbuf "line" ]]
  .. [[local Server, Client, state = zeroless.Server, zeroless.Client, zeroless.state ]]

local started, clients = {}, {}

local function write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  file:close()
end

-- Replaces a file of the worker as an editor does, at once and whole.
function worker:write(name, text)
  local path = self.folder .. "/" .. name
  write(path .. ".new", text)
  assert(os.rename(path .. ".new", path))
end

function worker:save(text)
  self:write("worker.lua", worker.prelude .. text)
end

function worker:remove(name)
  assert(os.remove(self.folder .. "/" .. name))
end

-- The address, for a peer, of what the script opens as ipc://NAME.
function worker:at(name)
  return "ipc://" .. self.folder .. "/" .. name
end

-- A client of ipc://w.sock, or of ipc://NAME, closed after the case.
function worker:client(name)
  local client = zeroless.Client { timeout = support.patience }:connect(self:at(name or "w.sock"))
  clients[#clients + 1] = client
  return client
end

-- A server for what the script connects to as ipc://NAME; is closed after the case it.
function worker:server(name, options)
  options = options or {}
  options.endpoint = self:at(name)
  local server = zeroless.Server(options)
  clients[#clients + 1] = server
  return server
end

-- Closes it after the case.
function worker.keep(peer)
  clients[#clients + 1] = peer
  return peer
end

-- {text; options of zlrun...; files = {name = text}, arguments = {...}}: what `run` starts, which is text as
-- worker.lua in a folder of its own, with the prelude. Without text there is no script.
function worker.new(given)
  local self = setmetatable({ folder = support.folder() }, worker)
  for name, text in pairs(given.files or {}) do self:write(name, text) end
  if given[1] then self:save(given[1]) end
  self.command = { "--log-format", "json", "--drain-timeout", "5", cwd = self.folder }
  for i = 2, #given do self.command[#self.command + 1] = given[i] end
  self.command[#self.command + 1] = "worker.lua"
  for _, argument in ipairs(given.arguments or {}) do self.command[#self.command + 1] = argument end
  return self
end

function worker:run()
  self.child = support.start_host(self.command)
  started[#started + 1] = self
  return self
end

function worker.start(given)
  return worker.new(given):run()
end

-- Waits for text in what the script has printed; returns all of that.
function worker:expect(text)
  support.eventually(function()
    return self.child.stdout:find(text, 1, true) or self.child.code
  end, text .. "\n" .. self.child.stdout .. self.child.stderr)
  if not self.child.stdout:find(text, 1, true) then
    error(("it ended with %s, without %q:\n%s%s"):format(self.child.code, text, self.child.stdout,
      self.child.stderr), 2)
  end
  return self.child.stdout
end

-- The records of the log so far.
function worker:log()
  local records = {}
  for line in self.child.stderr:gmatch "([^\n]*)\n" do
    if line:sub(1, 1) == "{" then records[#records + 1] = json.decode(line) end
  end
  return records
end

local function select_records(self, wanted)
  local found = {}
  for _, record in ipairs(self:log()) do
    if wanted(record) then found[#found + 1] = record end
  end
  return found
end

-- The lines of attempts so far.
function worker:attempts()
  return select_records(self, function(record) return record.stage end)
end

local function wait_for(self, count, what, list)
  local records
  support.eventually(function()
    records = list()
    return #records >= count or self.child.code
  end, what .. "\n" .. self.child.stderr)
  if #records < count then
    error(("it ended with %s, without %s:\n%s"):format(self.child.code, what, self.child.stderr), 3)
  end
  return records[count]
end

-- Waits for the line of the attempt of this number, from 1.
function worker:attempt(number)
  return wait_for(self, number, "attempt " .. number, function() return self:attempts() end)
end

-- Waits for the record (the `count`-th) whose message has the text (plain).
function worker:told(text, count)
  return wait_for(self, count or 1, text, function()
    return select_records(self, function(record) return record.msg:find(text, 1, true) end)
  end)
end

function worker:has_told(text)
  return #select_records(self, function(record) return record.msg:find(text, 1, true) end)
end

function worker:kill(signal)
  self.child:kill(signal)
end

-- Waits until the process has nothing to do: its thread sleeps, and still does some moments later.
function worker:idle()
  local asleep = 0
  support.eventually(function()
    local file = io.open(("/proc/%d/stat"):format(self.child.pid))
    local state = file and file:read "*a":match "%) (%a)"
    if file then file:close() end
    asleep = state == "S" and asleep + 1 or 0
    return asleep == 3 or self.child.code
  end, "an idle process")
end

-- Asks for a reload that has to wait, and waits until it does.
function worker:park()
  self:idle()
  self:kill "sighup"
  self:idle()
end

-- Asks for a reload; the line of the attempt, when it is over.
function worker:reload(text)
  local number = #self:attempts() + 1
  if text then self:save(text) end
  self:kill "sighup"
  return self:attempt(number)
end

-- The process ends, by itself or after the signal, with `code`.
function worker:ends(code, signal)
  if signal then self:kill(signal) end
  self.child:wait()
  if self.child.code ~= code or self.child.signal ~= 0 then
    error(("it ended with %d (signal %d), not %d:\n%s%s"):format(self.child.code, self.child.signal, code,
      self.child.stdout, self.child.stderr), 2)
  end
  return self
end

-- Peers are closed; workers that are still there stop in good order.
local function clean()
  local running, peers = started, clients
  started, clients = {}, {}
  for _, peer in ipairs(peers) do peer:close() end
  for _, self in ipairs(running) do
    if not self.child.code then self:ends(0, "sigterm") end
  end
end

-- Right after each case, before support.lua looks for leaks.
package.loaded.busted.subscribe({ "test", "end" }, function()
  clean()
  return nil, true
end, { priority = 1 })

return worker
