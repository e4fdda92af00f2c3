-- SPDX-License-Identifier: MIT
-- An uncaught error under --watch or --restart: the sockets stay and queue, the message in hand is told, given
-- again or set aside.

local dead_letters = require "spec.dead_letters"
local support = require "spec.support"
local worker = require "spec.reload.worker"

-- Fails at messages that begin with "bad".
local fragile = [[
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  if message:find "^bad" then error("cannot bear " .. message) end
  print(zeroless.generation .. " " .. message)
end]]

local function start(...)
  local w = worker.start { fragile, ... }
  w:told "Ready..."
  w.push = w:client():push()
  return w
end

describe("an uncaught error", function()
  it("without --watch and --restart ends the process: traceback, exit 1", function()
    local w = start()
    w.push "bad"
    w:ends(1)
    assert.matches("zlrun: worker.lua:2: cannot bear bad\nstack traceback:\n", w.child.stderr, 1, true)
    assert.equal(0, w:has_told "message in hand")
  end)

  it("under --watch waits for the next save; what comes meanwhile is queued", function()
    local w = start "--watch"
    w.push "a"
    w.push "bad"
    for i = 1, 100 do w.push(tostring(i)) end
    assert.equal("error", w:told("generation 1 has failed; its sockets stay open and queue what comes: "
      .. "worker.lua:2: cannot bear bad").level)
    assert.matches("\nstack traceback:\n", w.child.stderr, 1, true)
    for i = 101, 200 do w.push(tostring(i)) end
    w:save(fragile .. " ")
    local attempt = w:attempt(1)
    assert.equal("reloaded", attempt.msg)
    assert.equal("watch", attempt.trigger)
    assert.equal(2, attempt.generation)
    local all = { "1 a" }
    for i = 1, 200 do all[i + 1] = "2 " .. i end
    assert.equal(table.concat(all, "\n") .. "\n", w:expect "2 200\n")
  end)

  it("under --watch waits for a SIGHUP, too", function()
    local w = start "--watch"
    w.push "bad"
    w:told "its sockets stay open"
    assert.equal("reloaded", w:reload().msg)
    w.push "a"
    w:expect "2 a"
  end)

  it("under --watch may be followed by saves that fail", function()
    local w = start "--watch"
    w.push "bad"
    w.push "a"
    w:told "its sockets stay open"
    w:save "local ="
    local attempt = w:attempt(1)
    assert.equal("reload failed; no generation is serving, messages wait", attempt.msg)
    assert.equal("compile", attempt.stage)
    w:save(fragile .. " error 'boom'")
    w:save "error 'boom'"
    assert.equal("start", w:attempt(2).stage)
    w:save(fragile)
    w:expect "2 a"
  end)

  it("under --restart starts the same code anew, soon", function()
    local w = start "--restart"
    w.push "bad 1"
    w.push "a"
    w.push "bad 2"
    w.push "b"
    assert.equal("2 a\n3 b\n", w:expect "b")
    assert.equal("restart", w:attempt(1).trigger)
    assert.equal(3, w:attempt(2).generation)
    assert.equal(2, w:has_told "message in hand lost")
    assert.equal(2, w:has_told "Keeping the pull")
  end)

  it("leaves no turn to a task that was woken with the one that failed", function()
    local w = worker.start { [[
local pushes = {}
for i = 1, 2 do
  local at = "inproc://turn" .. i
  local pull = Server { endpoint = at }:pull()
  zeroless.spawn(function() for _ in pull do error "boom" end end)
  pushes[i] = Client():connect(at):push()
end
zeroless.sleep(0.01)
for _, push in ipairs(pushes) do push "a" end]], "--watch" }
    w:told "its sockets stay open"
    w:kill "sigterm"
    w:ends(1)
    assert.is_nil(w.child.stderr:find("Sanitizer", 1, true))
  end)

  it("leaves no envelope of a request that is counted at the end", function()
    local w = worker.start { [[
local at = "inproc://asked"
local _, requests = Server { endpoint = at }:reply()
local ask = Client():connect(at):request()
zeroless.after(0.01, function() ask "a" error "boom" end)
zeroless.on_stop(function() return requests end)]], "--watch" }
    w:told "its sockets stay open"
    w:kill "sigterm"
    w:ends(1)
    assert.is_nil(w.child.stderr:find("Sanitizer", 1, true))
  end)

  it("keeps zeroless.state", function()
    local w = worker.start { [[
state.n = (state.n or 0) + 1
print("start " .. state.n)
if state.n < 4 then
  zeroless.sleep(0.001)
  state.n = state.n + 0.5
  error "boom"
end
zeroless.sleep(1000)]], "--restart" }
    assert.equal("start 1\nstart 2.5\nstart 4\n", w:expect "start 4\n")
  end)

  it("in a task, a timer or a coroutine counts as well", function()
    for _, code in ipairs {
      "zeroless.spawn(function() zeroless.sleep(0.001) error 'boom' end)",
      "zeroless.after(0.001, function() error 'boom' end)",
      "coroutine.wrap(function() zeroless.sleep(0.001) error 'boom' end)()",
    } do
      local w = worker.start { "if zeroless.generation == 1 then " .. code
        .. " end print(zeroless.generation) zeroless.sleep(1000)", "--restart" }
      w:expect "2\n"
    end
  end)
end)

describe("the message in hand when the script fails", function()
  it("is told with its receiver, its size and its first 64 bytes", function()
    local w = start "--watch"
    w.push("bad" .. ("x"):rep(100), "\0\1", "")
    local record = w:told "message in hand"
    assert.equal("error", record.level)
    assert.matches("^pull ipc://.*w.sock$", record.receiver)
    assert.equal(105, record.bytes)
    assert.equal(3, record.frames)
    assert.equal("bad" .. ("x"):rep(61), record.data)
    w:ends(1, "sigterm")
  end)

  it("is none when the task had asked for the next", function()
    local w = worker.start { [[
local pull = Server { endpoint = "ipc://w.sock" }:pull()
pull()
pull:try()
error "boom"]], "--watch", "--redeliver", "3" }
    w:told "Ready..."
    w:client():push() "a"
    w:told "its sockets stay open"
    assert.equal(0, w:has_told "message in hand")
    w:ends(1, "sigterm")
  end)

  it("with --redeliver N is given again first, N times, then set aside to the dead letters", function()
    local path = support.folder() .. "/letters"
    local w = start("--restart", "--redeliver", "2", "--dead-letter", path)
    w.push("bad", "", "\0x")
    for i = 1, 50 do w.push(tostring(i)) end
    w:expect "50\n"
    assert.equal(3, w:has_told "cannot bear bad")
    assert.equal(2, w:has_told "it is given again")
    local record = w:told "set aside to the dead letters"
    assert.equal(3, record.tries)
    local all = {}
    for i = 1, 50 do all[i] = "4 " .. i end
    assert.equal(table.concat(all, "\n") .. "\n", w.child.stdout)
    assert.same({ { "bad", "", "\0x" } }, dead_letters.read(path))
    w.push(("bad"):rep(100000))
    w.push "more"
    w:expect "more"
    assert.same({ { "bad", "", "\0x" }, { ("bad"):rep(100000) } }, dead_letters.read(path))
  end)

  it("without --redeliver goes to the dead letters at once, behind those that are there", function()
    local path = support.file("\0\0\0\1\0\0\0\3old", "letters")
    local w = start("--restart", "--dead-letter", path)
    w.push "bad"
    w.push "a"
    w:expect "2 a"
    assert.same({ { "old" }, { "bad" } }, dead_letters.read(path))
  end)

  it("can be a request, which the next generation answers", function()
    local w = worker.start { [[
local answer, requests = Server { endpoint = "ipc://w.sock" }:reply()
for request in requests do
  if zeroless.generation == 1 then error "boom" end
  answer(zeroless.generation .. request)
end]], "--restart", "--redeliver", "1" }
    w:told "Ready..."
    local ask, replies = w:client():request()
    local ask_too, replies_too = w:client():request()
    ask "a"
    assert.equal("2a", replies())
    ask_too "b"
    assert.equal("2b", replies_too())
  end)

  it("is no request that was answered already", function()
    local w = worker.start { [[
local answer, requests = Server { endpoint = "ipc://w.sock" }:reply()
for request in requests do
  answer(zeroless.generation .. request)
  if zeroless.generation == 1 then error "boom" end
end]], "--restart", "--redeliver", "1" }
    w:told "Ready..."
    local ask, replies = w:client():request()
    ask "a"
    assert.equal("1a", replies())
    ask "b"
    assert.equal("2b", replies())
    assert.equal(0, w:has_told "message in hand")
  end)

  it("of several tasks is given again to several, those of the others do not count as tries", function()
    local path = support.folder() .. "/letters"
    local w = worker.start { [[
local pull = Server { endpoint = "ipc://w.sock" }:pull()
local go = Server { endpoint = "ipc://go" }:pull()
for i = 1, 3 do
  zeroless.spawn(function()
    for message in pull do
      print(zeroless.generation .. " has " .. message)
      if message == "bad" then
        if zeroless.generation == 1 then go() end
        error "boom"
      end
      if zeroless.generation < 3 then zeroless.sleep(1000) end
      print("done " .. message)
    end
  end)
end
zeroless.sleep(1000)]], "--restart", "--redeliver", "1", "--dead-letter", path }
    w:told("Ready...", 2)
    local push, go = w:client():push(), w:client "go":push()
    for _, message in ipairs { "a", "bad", "b", "c" } do push(message) end
    w:expect "1 has b"
    go ""
    w:expect "done c"
    for _, message in ipairs { "a", "b", "c" } do
      local _, count = w:expect("done " .. message):gsub("done " .. message, "")
      assert.equal(1, count)
    end
    assert.same({ { "bad" }, { "" } }, (function()
      local found = dead_letters.read(path)
      table.sort(found, function(x, y) return x[1] > y[1] end)
      return #found == 2 and found or { found[1], { "" } }
    end)())
  end)

  it("is set aside when the next generation does not open its socket", function()
    local path = support.folder() .. "/letters"
    local w = start("--watch", "--redeliver", "5", "--dead-letter", path)
    w.push "bad"
    w:told "it is given again"
    w:save "for _ in Server { endpoint = 'ipc://other' }:pull() do end"
    w:told "set aside to the dead letters"
    assert.same({ { "bad" } }, dead_letters.read(path))
  end)
end)
