-- SPDX-License-Identifier: MIT
-- What the specs share: child processes with deadlines, temporary files, a leak check after each case.
-- Loaded by busted before every spec file (--helper) and by specs with require "spec.support".

local core = require "zeroless.core"
local zeroless = require "zeroless"
local uv = require "luv"

local support = {}
package.loaded["spec.support"] = support -- busted loads the helper as a file; there is only one

-- Nothing here waits longer than this many seconds; a busy machine gets all of it.
support.patience = tonumber(os.getenv "ZLRUN_SPEC_PATIENCE") or 60

support.jit = os.getenv "ZLRUN_SPEC_JIT" ~= "off"
if not support.jit then jit.off() end

-- AddressSanitizer has an allocator of its own, and takes terabytes of addresses at the start.
require "ffi".cdef "void __asan_init(void);"
support.is_sanitized = pcall(function() return require "ffi".C.__asan_init end)

support.host = uv.exepath()
support.python = os.getenv "ZLRUN_PYTHON" or "/usr/bin/python3"
support.root = debug.getinfo(1, "S").source:match "^@(.*)/spec/support.lua$" or "."

zeroless.log.level = os.getenv "ZLRUN_SPEC_LOG" or "error"

local serial = 0

-- A name that no other spec uses.
function support.name()
  serial = serial + 1
  return ("spec-%d-%d"):format(uv.os_getpid(), serial)
end

function support.inproc()
  return "inproc://" .. support.name()
end

-- A port of 127.0.0.1 that nobody listens on.
function support.free_port()
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  local port = socket:getsockname().port
  socket:close()
  return port
end

-- A fresh folder; it is removed when the specs have run.
local folders = {}
function support.folder()
  local path = assert(uv.fs_mkdtemp("/tmp/zlrun-spec-XXXXXX"))
  folders[#folders + 1] = path
  return path
end

local function remove_folders()
  for _, path in ipairs(folders) do os.execute("rm -rf '" .. path .. "'") end
end

-- A file with this text in a fresh folder: its path.
function support.file(text, name)
  local path = support.folder() .. "/" .. (name or "script.lua")
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  file:close()
  return path
end

-- Waits until `condition()` is true, looking again after every event that a short sleep lets happen.
function support.eventually(condition, what)
  local deadline = zeroless.now() + support.patience
  repeat
    local value = condition()
    if value then return value end
    zeroless.sleep(0.005)
  until zeroless.now() > deadline
  error("not within " .. support.patience .. " s: " .. (what or "the condition"), 2)
end

-- Binds a pull once the address is free: its server, and the pull.
function support.bind_again(address)
  local server, pull
  support.eventually(function()
    server = zeroless.Server(address)
    local bound, receiver = pcall(server.pull, server)
    pull = bound and receiver
    return bound
  end, "the address to be free")
  return server, pull
end

-- Calls f, which must raise and name a line of f as its place. Returns the rest of the error's text.
function support.refused(f)
  local ok, err = pcall(f)
  if ok then error("it did not raise", 2) end
  local info = debug.getinfo(f, "S")
  local file, line, text = tostring(err):match "^([^:]+):(%d+): (.*)$"
  line = tonumber(line)
  if file ~= info.short_src or not line or line < info.linedefined or line > info.lastlinedefined then
    error(("it does not name %s:%d: %s"):format(info.short_src, info.linedefined, tostring(err)), 2)
  end
  return text
end

local process = {}
process.__index = process

-- Waits until standard output and error together hold `text` (plain). Returns all output so far.
function process:expect(text)
  support.eventually(function()
    return (self.stdout .. self.stderr):find(text, 1, true) or self.code
  end, text)
  local all = self.stdout .. self.stderr
  if not all:find(text, 1, true) then
    error(("the process ended with %s and without %q:\n%s"):format(tostring(self.code), text, all), 2)
  end
  return all
end

function process:kill(signal)
  self.handle:kill(signal)
end

-- Sends the signal until the process ends: a repetition within some milliseconds does not count.
function process:kill_again(signal)
  support.eventually(function()
    if not self.code then self.handle:kill(signal) end
    return self.code
  end, "the end after a second signal")
end

function process:write(text)
  self.input:write(text)
end

function process:close_input()
  if self.input and not self.input:is_closing() then self.input:close() end
end

-- Waits for the end; self.code, self.signal, self.stdout, self.stderr are then final. Returns self.
function process:wait()
  self:close_input()
  local ok, err = pcall(support.eventually, function()
    return self.code and self.open == 0
  end, "the end of the process")
  if not ok then
    self.handle:kill "sigkill"
    error(err .. "\n" .. self.stdout .. self.stderr, 2)
  end
  return self
end

-- Starts a program: {path, args...; env = {NAME = value}, cwd = folder}.
function support.start(command)
  local self = setmetatable({ stdout = "", stderr = "", open = 2 }, process)
  local args, env = {}, {}
  for i = 2, #command do args[i - 1] = tostring(command[i]) end
  for name, value in pairs(uv.os_environ()) do
    if not (command.env and command.env[name]) then env[#env + 1] = name .. "=" .. value end
  end
  for name, value in pairs(command.env or {}) do env[#env + 1] = name .. "=" .. value end
  self.input = uv.new_pipe(false)
  local pipes = { uv.new_pipe(false), uv.new_pipe(false) }
  local handle, pid = uv.spawn(command[1], {
    args = args, env = env, cwd = command.cwd, stdio = { self.input, pipes[1], pipes[2] },
  }, function(code, signal)
    self.code, self.signal = code, signal
    self.handle:close()
  end)
  self.handle, self.pid = assert(handle, pid), pid
  for i, stream in ipairs { "stdout", "stderr" } do
    pipes[i]:read_start(function(_, data)
      if data then
        self[stream] = self[stream] .. data
      else
        pipes[i]:close()
        self.open = self.open - 1
      end
    end)
  end
  return self
end

-- Starts the host with these arguments, with the JIT as the specs have it.
function support.start_host(arguments)
  -- One that nobody ends any more, in a busy loop, ends for want of processor time.
  local command = { "/usr/bin/prlimit", "--cpu=300", support.host, env = arguments.env, cwd = arguments.cwd }
  if not support.jit then command[#command + 1] = "-joff" end
  for _, argument in ipairs(arguments) do command[#command + 1] = argument end
  return support.start(command)
end

-- The same, run to its end. `stdin` is what it can read.
function support.run_host(arguments)
  local child = support.start_host(arguments)
  if arguments.stdin then child:write(arguments.stdin) end
  return child:wait()
end

-- Runs Lua text as a script, to its end.
function support.run_script(text, ...)
  return support.run_host { support.file(text), ... }
end

-- Starts a Python program given as text.
function support.start_python(text, ...)
  return support.start { support.python, "-c", text, ... }
end

-- Open sockets and living tasks, without those that only garbage refers to. Compiled code keeps the
-- functions that it was made from, and so what they close over.
function support.counts()
  jit.flush()
  collectgarbage()
  collectgarbage()
  return core.counts()
end

-- What a case leaves behind makes it fail: an error here counts as one in the case.
local busted = package.loaded["busted"]
if busted then
  local leak_patience = 10
  local sockets, tasks
  busted.subscribe({ "test", "start" }, function()
    sockets, tasks = support.counts()
    return nil, true
  end)
  busted.subscribe({ "test", "end" }, function()
    local deadline = zeroless.now() + leak_patience
    local left_sockets, left_tasks
    repeat
      left_sockets, left_tasks = support.counts()
      if left_sockets <= sockets and left_tasks <= tasks then return nil, true end
      jit.flush() -- compiled code holds on to the functions it was made of
      zeroless.sleep(0.01)
    until zeroless.now() > deadline
    error(("the case leaves %d sockets and %d tasks behind"):format(left_sockets - sockets, left_tasks - tasks))
  end)
  busted.subscribe({ "exit" }, remove_folders)
end

return support
