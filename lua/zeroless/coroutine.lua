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

function coroutine.resume(co, ...)
  if waiting[co] then return false, "cannot resume non-suspended coroutine" end
  return relay(co, resume(co, ...))
end

local function results(ok, ...)
  if ok then return ... end
  local err = ...
  error(err, type(err) == "string" and 2 or 0)
end

function coroutine.wrap(f)
  local co = create(f)
  return function(...)
    if waiting[co] then error("cannot resume non-suspended coroutine", 2) end
    return results(relay(co, resume(co, ...)))
  end
end

function coroutine.status(co)
  return waiting[co] and "normal" or status(co)
end

function coroutine.isyieldable()
  return running() ~= nil and isyieldable()
end

coroutine.running = running

return coroutine
