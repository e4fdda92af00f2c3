-- SPDX-License-Identifier: MIT
-- Pieces about the life of a script: log handlers, finalizers, timers, hooks, and its possible ends.

local actions = require "spec.soak.chaos.actions"

local lives = {}

local function fill(dice, text)
  return dice.fill(text, {
    action = actions.any(dice), other = actions.quiet(dice), digit = tostring(dice.roll(9)),
    name = dice:name "life", pause = dice:pick { "0.01", "0.1", "0.5" },
  })
end

-- What a handler is given goes to standard error all the same.
local HANDLER = [[function(record) chaos.show(record) <action> end]]

local handlers = {
  "zeroless.log.handler(" .. HANDLER .. ")",
  "zeroless.log.handler(" .. HANDLER .. ")",
  [[zeroless.log.handler(function(record) chaos.show(record) chaos.close_all() end)]],
  [[zeroless.log.handler(function(record) chaos.show(record) error "chaos: handler" end)]],
  [[local list = {}
zeroless.log.handler(function(record) list[#list + 1] = record end)
zeroless.every(0.1, function() for _, r in ipairs(list) do chaos.show(r) end list = {} end)]],
  "zeroless.after(<pause>, function() zeroless.log.handler(" .. HANDLER .. ") end)",
  "zeroless.every(<pause>, function() zeroless.log.handler(nil) zeroless.log.handler(" .. HANDLER .. ") end)",
  "zeroless.on_reload(function() zeroless.log.handler(nil) end)",
  "zeroless.on_reload(function() zeroless.log.handler(" .. HANDLER .. ") end)",
  "zeroless.on_stop(function() zeroless.log.handler(" .. HANDLER .. ") end)",
  "chaos.held = newproxy(true) getmetatable(chaos.held).__gc = function() zeroless.log.handler(" .. HANDLER .. ") end",
}

function lives.handler(dice)
  return fill(dice, dice:pick(handlers))
end

-- A handler that closes sockets whatever is logged, in the middle of a change for example.
function lives.closing_handler(dice)
  return dice.fill([[zeroless.log.handler(function(record)
  chaos.show(record)
  if record.message:find "<word>" then chaos.close_all() end
end)]], { word = dice:pick { "Closing", "Disconnecting", "Unbinding", "ing", "lost", "." } })
end

local finalizers = {
  -- collected at any allocation
  [[local function garbage()
  local proxy = newproxy(true)
  getmetatable(proxy).__gc = function() <action> end
end
go(function() while true do for _ = 1, 20 do garbage() end zeroless.sleep(0.005) end end)]],
  [[local ffi = require "ffi"
go(function() while true do ffi.gc(ffi.new "char[64]", function() <other> end) zeroless.sleep(0.001) end end)]],
  [[local function garbage()
  local proxy = newproxy(true)
  getmetatable(proxy).__gc = function() pcall(chaos.try_send, "<name>") pcall(chaos.receive) end
end
collectgarbage("setpause", 100)
zeroless.every(0.002, function() for _ = 1, 50 do garbage() end end)]],
  -- collected when the state is closed
  [[chaos.held_<name> = newproxy(true)
getmetatable(chaos.held_<name>).__gc = function() <action> end]],
  [[chaos.held_<name> = require "ffi".gc(require "ffi".new "char[64]", function() <action> end)]],
  [[local x, y = newproxy(true), newproxy(true)
getmetatable(x).__gc = function() <action> end
getmetatable(y).__gc = function() <other> end
chaos.held_<name> = { x, y }]],
  [[chaos.held_<name> = newproxy(true)
getmetatable(chaos.held_<name>).__gc = function()
  for _ = 1, 3 do pcall(chaos.receive) pcall(chaos.send, "<name>") end
end]],
}

function lives.finalizer(dice)
  return fill(dice, dice:pick(finalizers))
end

-- Sends and receives while finalizers do so on another pair: the frames of one must not reach the other.
function lives.crossing(dice)
  return dice.fill([[
local a_pull, b_pull = Server{endpoint = "inproc://<a>"}:pull(), Server{endpoint = "inproc://<b>"}:pull()
local a_push, b_push = Client():connect("inproc://<a>"):push(), Client():connect("inproc://<b>"):push()
local function garbage()
  local proxy = newproxy(true)
  getmetatable(proxy).__gc = function()
    pcall(function() b_push:try("<b>", tostring(math.random(1e9)), "<b>") check("<b>", b_pull:try()) end)
  end
end
go(function()
  for i = 1, 1e9 do
    garbage()
    if a_push("<a>", "number " .. i, "<a>") then check("<a>", a_pull:try()) end
    if i % 50 == 0 then zeroless.sleep(0.001) end
  end
end)]], { a = dice:name "cross", b = dice:name "other" })
end

local times = {
  [[zeroless.every(<pause>, function() <other> end)]],
  [[zeroless.every(0.001, function() chaos.try_send("<name>") end)]],
  [[local timer timer = zeroless.every(<pause>, function() timer:stop() <other> end)]],
  [[for i = 1, 20 do zeroless.after(i * 0.02, function() <other> end) end]],
  [[go(function() while true do zeroless.sleep(<pause>) <other> end end)]],
  [[local state = zeroless.state state.n = (state.n or 0) + 1 state.t = { state.n, "x", { y = true } }]],
  [[local a, b
a = zeroless.spawn(function() zeroless.sleep(0.01) b:join(0.5) end)
b = zeroless.spawn(function() zeroless.sleep(0.01) a:join(0.5) end)]],
  [[go(function() for _ = 1, 1000 do zeroless.spawn(function() zeroless.sleep(0) end) end end)]],
  [[go(coroutine.wrap(function() while true do zeroless.sleep(<pause>) end end))]],
  [[go(function() zeroless.sleep(<pause>) coroutine.yield() end)]],
  [[go(function()
  zeroless.sleep(<pause>)
  table.sort({ 3, 2, 1 }, function(a, b) zeroless.sleep(0) return a < b end)
end)]],
  [[go(function() local end_at = zeroless.now() + 0.3 while zeroless.now() < end_at do end end)]],
  [[zeroless.log.level = "debug" zeroless.after(0.<digit>, function() zeroless.log.level = "info" end)]],
  [[zeroless.watch("$DIR/data.txt")]],
}

function lives.time(dice)
  return fill(dice, dice:pick(times))
end

local hooks = {
  [[zeroless.on_stop(function() <other> end)]],
  [[zeroless.on_stop(function() zeroless.sleep(0.05) <other> end)]],
  [[zeroless.on_stop(function() error "chaos: on_stop" end)]],
  [[zeroless.on_stop(function() zeroless.sleep(1000) end)]],
  [[zeroless.on_stop(function() chaos.close_all() end)]],
  [[zeroless.on_stop(function() zeroless.stop(3) end)]],
  [[zeroless.on_reload(function() <action> end)]],
  [[zeroless.on_reload(function() <other> end)]],
  [[zeroless.on_reload(function() zeroless.sleep(0.1) end)]],
  [[zeroless.on_reload(function() chaos.close_all() end)]],
}

function lives.hook(dice)
  return fill(dice, dice:pick(hooks))
end

-- What ends a generation that has served.
local ends = {
  [[zeroless.spawn(function() zeroless.sleep(<pause>) error "chaos: later" end)]],
  [[zeroless.spawn(function() zeroless.sleep(<pause>) error "chaos: later" end)]],
  [[zeroless.after(<pause>, function() error { "chaos: no string" } end)]],
  [[local strange = setmetatable({}, { __tostring = function() error "chaos: again" end })
zeroless.after(<pause>, function() error(strange) end)]],
  [[zeroless.after(<pause>, function() zeroless.stop(3) end)]],
  [[zeroless.after(<pause>, function() os.exit(4) end)]],
  [[zeroless.spawn(function() zeroless.sleep(<pause>) coroutine.wrap(function() os.exit(4) end)() end)]],
  [[local timer = require "luv".new_timer() timer:start(100, 0, function() error "chaos: in luv" end)]],
  [[local timer = require "luv".new_timer() timer:start(100, 0, function() os.exit(4) end)]],
  [[zeroless.after(<pause>, function() zeroless.log.error "chaos: closing" chaos.close_all() end)]],
}

function lives.ending(dice)
  return fill(dice, dice:pick(ends))
end

-- Lua code that never returns.
local endless = {
  [[zeroless.after(0.<digit>, function() while true do end end)]],
  [[zeroless.spawn(function() zeroless.sleep(0.<digit>) local n = 0 while true do n = n + 1 end end)]],
  [[zeroless.spawn(function() zeroless.sleep(0.<digit>) while true do pcall(error, "x") end end)]],
  [[zeroless.spawn(function() zeroless.sleep(0.<digit>) while true do zeroless.now() end end)]],
  [[zeroless.on_stop(function() while true do end end)]],
}

function lives.endless(dice)
  return fill(dice, dice:pick(endless))
end

-- What is wrong with the start of a later version.
local starts = {
  "error 'chaos: at start'",
  "error 'chaos: at start'",
  "if then",
  "os.exit(14)",
  "zeroless.stop(13)",
  "coroutine.wrap(function() os.exit(14) end)()",
  "while true do chaos.try_send 'start' end",
  "local pub = Server{host = '127.0.0.1'}:pub() while true do pub('start', '1', 'start') end",
  "zeroless.state.f = print",
  "zeroless.sleep(0.3) error 'chaos: after the first wait'",
  "require 'no_such_module'",
  "chaos.close_all()",
  "Server{port = 80}:pull()",
}

function lives.start(dice)
  return dice:pick(starts)
end

return lives
