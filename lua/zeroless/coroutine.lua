-- SPDX-License-Identifier: MIT
-- Coroutines that pass waits on. A wait inside a script's own coroutine yields core.WAIT; the resume
-- around it yields that on, outwards, until it reaches the host, and hands what woke the task back
-- inwards. Everything else behaves as luajit's own functions do. Loaded into every state before the
-- script.

local core = require "zeroless.core"

local WAIT = core.WAIT
local create, resume, status, yield = coroutine.create, coroutine.resume, coroutine.status, coroutine.yield
local isyieldable, running = coroutine.isyieldable, core.running

-- Coroutines that wait: suspended for the host, but not for the script to resume.
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

-- What luajit's own functions say of a wrong argument; level 3 is the line that calls one of ours.
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

-- A task's own coroutine yields to the host alone.
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
