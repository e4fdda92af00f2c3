-- SPDX-License-Identifier: MIT
-- Tasks, timers and the end of the process, on the primitives of bindings/task.c.

local core = require "zeroless.core"
local log = require "zeroless.log"
local misuse = require "zeroless.misuse"

local task = {}

local function check_function(level, name, f)
  if type(f) ~= "function" then
    error(("%s takes a function, not a %s"):format(name, type(f)), level + 1)
  end
end

-- Starts f(...) as a task and returns it.
function task.spawn(f, ...)
  check_function(2, "zeroless.spawn", f)
  return core.spawn(f, ...)
end

-- The task's results; nil and its error when it has failed; nil and "timeout" after `timeout` seconds.
function core.task.methods.join(self, timeout)
  if timeout ~= nil then misuse.check_seconds(2, "timeout", timeout) end
  if core.is_current(self) then error("a task cannot join itself", 2) end
  local reason = core.join(self, timeout and core.now() + timeout)
  if reason == core.TIMEOUT then return nil, "timeout" end
  if reason == core.CIRCLE then
    error("this task cannot join one that waits for its own end: both would wait for ever", 2)
  end
  if reason < 0 then misuse.no_wait(reason, 2) end
  return core.results(self)
end

-- Lets `seconds` pass for the running task; 0 lets the others run.
function task.sleep(seconds)
  misuse.check_seconds(2, "zeroless.sleep: the time", seconds)
  local reason
  if seconds == 0 then reason = core.sleep() else reason = core.sleep(core.now() + seconds) end
  if reason < 0 then misuse.no_wait(reason, 2) end
end

local timer = {}
timer.__index = timer
timer.__metatable = false

-- No further call of the timer's function; one that runs runs on.
function timer:stop()
  self.stopped = true
  if not self.busy then core.cancel(self.task) end
end

-- Waits until `due`, then calls f unless the timer was stopped.
local function call_at(self, due, f)
  if not self.stopped then core.sleep(due) end
  if self.stopped then return end
  self.busy = true
  f()
  self.busy = false
end

-- A timer that a reloaded script starts with ticks at multiples of its time since the script was first started,
-- and one that fell due during the reload is made up for: else it would never tick where reloads come faster.
local function first_tick(seconds)
  local begun, since = core.beat()
  if not begun then return core.now() + seconds end
  return since + seconds - (since - begun) % seconds
end

local function tick(self, seconds, f)
  local due = self.due
  repeat
    call_at(self, due, f)
    -- Ticks that a slow function has missed are skipped, the rhythm stays.
    due = math.max(due + seconds, core.now() + (due - core.now()) % seconds)
  until self.stopped
end

local function once(self, seconds, f)
  call_at(self, seconds > 0 and core.now() + seconds or nil, f)
end

local function start(run, name, seconds, f, first)
  misuse.check_seconds(3, name .. ": the time", seconds)
  check_function(3, name, f)
  local self = setmetatable({ stopped = false, due = first and first(seconds) }, timer)
  self.task = core.spawn_detached(run, self, seconds, f)
  return self
end

-- Calls f every `seconds`, first after that time, until :stop(). f may wait; ticks do not pile up.
function task.every(seconds, f)
  if seconds == 0 then error("zeroless.every: the time must be more than 0 seconds", 2) end
  return (start(tick, "zeroless.every", seconds, f, first_tick))
end

-- Calls f once after `seconds`, unless :stop() comes first.
function task.after(seconds, f)
  return (start(once, "zeroless.after", seconds, f))
end

-- Stops the process as SIGTERM does; it ends with `code`, 0 by default.
function task.stop(code)
  if code ~= nil and (type(code) ~= "number" or code % 1 ~= 0 or code < 0 or code > 255) then
    error("an exit code is a whole number between 0 and 255", 2)
  end
  core.stop(code)
end

-- Calls f as a task when the process stops in good order, after the other tasks and the functions given before,
-- and before the sockets close.
function task.on_stop(f)
  check_function(2, "zeroless.on_stop", f)
  core.on_stop(f)
end

local reload_callbacks = {}

local function run_reload_callbacks()
  for _, f in ipairs(reload_callbacks) do
    local ok, err = pcall(f)
    if not ok then log.error("a function given to zeroless.on_reload failed: " .. tostring(err)) end
  end
end

-- Calls f when a reload has put another generation in this one's place, right before this one ends. f runs
-- outside any task, so it cannot wait; an error in it is logged.
function task.on_reload(f)
  check_function(2, "zeroless.on_reload", f)
  if #reload_callbacks == 0 then core.on_reload(run_reload_callbacks) end
  reload_callbacks[#reload_callbacks + 1] = f
end

task.now = core.now

return task
