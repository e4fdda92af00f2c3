-- SPDX-License-Identifier: MIT
-- Tasks, timers and stopping the process, built on the primitives of bindings/task.c.

local core = require "zeroless.core"
local log = require "zeroless.log"
local misuse = require "zeroless.misuse"

local task = {}

local function check_function(level, name, f)
  if type(f) ~= "function" then
    error(("%s takes a function, not a %s"):format(name, type(f)), level + 1)
  end
end

-- Spawns a task that runs f(...), and returns it.
function task.spawn(f, ...)
  check_function(2, "zeroless.spawn", f)
  return core.spawn(f, ...)
end

-- Waits for the task. Returns its results; nil and the error if it failed; nil and "timeout" after `timeout`
-- seconds.
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

-- Suspends the running task for `seconds`; 0 lets other tasks run.
function task.sleep(seconds)
  misuse.check_seconds(2, "zeroless.sleep: the time", seconds)
  local reason
  if seconds == 0 then reason = core.sleep() else reason = core.sleep(core.now() + seconds) end
  if reason < 0 then misuse.no_wait(reason, 2) end
end

local timer = {}
timer.__index = timer
timer.__metatable = false

-- Prevents further calls of the timer's function; a running call continues.
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

-- The first tick of a timer. Timers started while a reloaded script starts keep the rhythm of the first
-- generation: they tick at multiples of `seconds` since its start, and a tick missed during the reload is
-- made up for. Otherwise a timer would never tick if reloads came more often than its interval.
local function first_tick(seconds)
  local begun, since = core.timer_origin()
  if not begun then return core.now() + seconds end
  return since + seconds - (since - begun) % seconds
end

local function tick(self, seconds, f)
  local due = self.due
  repeat
    call_at(self, due, f)
    -- Ticks missed by a slow function are skipped, and the rhythm is kept.
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

-- Calls f every `seconds`, first after one interval, until :stop(). f may wait; ticks do not pile up.
function task.every(seconds, f)
  if seconds == 0 then error("zeroless.every: the time must be more than 0 seconds", 2) end
  return (start(tick, "zeroless.every", seconds, f, first_tick))
end

-- Calls f once after `seconds`, unless :stop() is called first.
function task.after(seconds, f)
  return (start(once, "zeroless.after", seconds, f))
end

-- Stops the process as SIGTERM does, with exit code `code` (default 0).
function task.stop(code)
  if code ~= nil and (type(code) ~= "number" or code % 1 ~= 0 or code < 0 or code > 255) then
    error("an exit code is a whole number between 0 and 255", 2)
  end
  core.stop(code)
end

-- Calls f as a task when the process stops normally, after the other tasks and the functions registered before
-- have finished, and before the sockets are closed.
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
