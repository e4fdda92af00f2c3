-- SPDX-License-Identifier: MIT
-- Makes coroutines pass on waits. A wait inside a script's own coroutine yields core.WAIT; the enclosing
-- resume yields it again, outwards, until it reaches the host, and passes the reason for the wake-up back
-- inwards. Everything else behaves like luajit's functions. Loaded into every state before the script.

local core = require "zeroless.core"

local WAIT = core.WAIT
local create, resume, status, yield = coroutine.create, coroutine.resume, coroutine.status, coroutine.yield
local isyieldable, running = coroutine.isyieldable, core.running

-- Waiting coroutines: suspended by the host, so the script cannot resume them.
local waiting = setmetatable({}, { __mode = "k" })

local relay

local function woken(co, ...)
  waiting[co] = nil
  return relay(co, resume(co, ...))
end

function relay(co, ok, ...)
  if not ok or (...) ~= WAIT then return ok, ... end
  if not isyieldable() then return relay(co, resume(co, core.unwait())) end
  waiting[co] = true
  return woken(co, yield(WAIT))
end

-- Raises luajit's error for a wrong argument, at level 3: the line that calls one of the functions below.
local function bad_argument(wanted)
  local name = debug.getinfo(2, "n").name
  error(("bad argument #1 to '%s' (%s)"):format(name or "?", wanted), 3)
end

function coroutine.resume(co, ...)
  if type(co) ~= "thread" then bad_argument "coroutine expected" end
  if waiting[co] then return false, "cannot resume running coroutine" end
  return relay(co, resume(co, ...))
end

local function results(ok, ...)
  if ok then return ... end
  local err = ...
  error(err, type(err) == "string" and 2 or 0)
end

function coroutine.wrap(...)
  local f = ...
  if type(f) ~= "function" then
    bad_argument("function expected, got " .. (select("#", ...) > 0 and type(f) or "no value"))
  end
  local co = create(f)
  return function(...)
    if waiting[co] then error("cannot resume running coroutine", 2) end
    return results(relay(co, resume(co, ...)))
  end
end

function coroutine.status(co)
  if type(co) ~= "thread" then bad_argument "coroutine expected" end
  return waiting[co] and "normal" or status(co)
end

-- A task's own coroutine yields only to the host.
function coroutine.yield(...)
  if not running() then
    error("attempt to yield outside a coroutine of the script; a task waits with zeroless.sleep, a receive or join", 2)
  end
  return yield(...)
end

function coroutine.isyieldable()
  return running() ~= nil and isyieldable()
end

coroutine.running = running

return coroutine
