-- SPDX-License-Identifier: MIT
-- Short statements that log handlers, finalizers, timers and callbacks of luv run: what a script may do at
-- any time, and what it may not. `sockets` is a table that every piece adds its sockets to.

local actions = {}

local any = {
  [[chaos.send("<name>")]],
  [[chaos.send("<name>")]],
  [[chaos.try_send("<name>")]],
  [[chaos.receive()]],
  [[chaos.close_one()]],
  [[zeroless.log.info("chaos: said by <name>")]],
  [[zeroless.log.warn("chaos: warned by <name>", { field = "a b" })]],
  [[zeroless.spawn(function() chaos.send("<name>") end)]],
  [[zeroless.spawn(function() zeroless.sleep(0.01) chaos.receive() end)]],
  [[chaos.keep(Server{host = "127.0.0.1"}:pull())]],
  [[chaos.keep(Client():connect("inproc://<name>"):push())]],
  [[local x = Server{endpoint = "inproc://<name>"} x:pub() x:close()]],
  [[zeroless.after(0.01, function() chaos.try_send("<name>") end)]],
  [[zeroless.every(0.05, function() chaos.try_send("<name>") end)]],
  [[zeroless.state["<name>"] = { 1, "two" }]],
  [[collectgarbage()]],
  [[zeroless.sleep(0.01)]],
  [[error("chaos: raised by <name>")]],
  [[local timer = require "luv".new_timer() timer:start(5, 5, function() chaos.try_send("<name>") end)]],
  [[require "luv".spawn("/bin/sleep", { args = { "0.3" } }, function() end)]],
  [[zeroless.log.handler(nil)]],
  [[zeroless.log.handler(function(record) io.stderr:write("chaos: ", record.message, "\n") end)]],
  [[zeroless.on_stop(function() chaos.try_send("<name>") end)]],
  [[zeroless.on_reload(function() chaos.try_send("<name>") end)]],
}

local ending = {
  [[zeroless.stop(3)]],
  [[os.exit(4)]],
  [[chaos.close_all()]],
}

-- A statement for a function that runs often; now and then one that ends everything.
function actions.any(dice)
  local text = dice:chance(6) and dice:pick(ending) or dice:pick(any)
  return dice.fill(text, { name = dice:name "act" })
end

-- The same, and what it raises stays inside, most of the time.
function actions.quiet(dice)
  local text = actions.any(dice)
  if dice:chance(15) then return text end
  return "pcall(function() " .. text .. " end)"
end

return actions
