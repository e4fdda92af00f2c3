-- SPDX-License-Identifier: MIT
-- --restart in full: pauses, giving up, scripts that fail at the start; the end of a process that nobody serves;
-- and the options of all that.

local support = require "spec.support"
local worker = require "spec.reload.worker"
local zeroless = require "zeroless"

local function count(text, pattern)
  local _, n = text:gsub(pattern, "")
  return n
end

describe("--restart", function()
  it("starts a script that fails at its start again, with longer and longer pauses, and gives up", function()
    local from = zeroless.now()
    local w = worker.start { "print 'start' error 'boom'", "--restart" }
    w:ends(1)
    local took = zeroless.now() - from
    assert.equal(6, count(w.child.stdout, "start"))
    assert.equal("error", w:told("the script has failed more than 5 times within 30 s: giving up").level)
    assert.is_true(took >= 0.1 + 0.15 + 0.225 + 0.3375 + 0.50625)
    assert.equal(5, count(w.child.stderr, "no generation is serving, messages wait"))
    for _, attempt in ipairs(w:attempts()) do
      assert.equal("restart", attempt.trigger)
      assert.equal(2, attempt.generation)
      assert.equal("start", attempt.stage)
    end
  end)

  it("gives up on one that fails later without a message handled, with the exit code of its error", function()
    local w = worker.start { [[
zeroless.sleep(0.001)
error "boom"]], "--restart" }
    w:ends(1)
    assert.equal(6, count(w.child.stderr, "has failed; its sockets"))
    w = worker.start { "Server { endpoint = 'ipc:///no/such/folder/w' }:pull()", "--restart" }
    w:ends(69)
  end)

  it("does not give up while messages are handled between the failures", function()
    local w = worker.start { [[
local pull = Server { endpoint = "ipc://w.sock" }:pull()
for message in pull do
  if message == "bad" then error "boom" end
  print(message)
end]], "--restart" }
    w:told "Ready..."
    local push = w:client():push()
    for i = 1, 8 do
      push(tostring(i))
      push "bad"
    end
    push "last"
    w:expect "last"
    assert.equal("1\n2\n3\n4\n5\n6\n7\n8\nlast\n", w.child.stdout)
    assert.equal(9, w:attempt(8).generation)
  end)

  it("lets the process end with a script that ends by itself", function()
    local w = worker.start { "print 'over'", "--restart" }
    w:ends(0)
    assert.equal("over\n", w.child.stdout)
  end)

  it("has found a script repaired, without --watch", function()
    local w = worker.start { "error 'boom'", "--restart" }
    w:told "its sockets stay open"
    w:save "print 'repaired'"
    w:ends(0)
    assert.equal("repaired\n", w.child.stdout)
  end)

  it("with --watch gives up until the next save", function()
    local w = worker.start { "error 'boom'", "--restart", "--watch" }
    w:told "giving up until the next save"
    w:save "print 'repaired' zeroless.sleep(1000)"
    w:expect "repaired"
  end)
end)

describe("a process that nobody serves", function()
  for _, signal in ipairs { "sigint", "sigterm" } do
    it("ends at " .. signal:upper() .. " with the exit code of the error", function()
      local w = worker.start { [[
local pull = Server { endpoint = "ipc://w.sock" }:pull()
zeroless.on_stop(print)
zeroless.sleep(0.001)
error "boom"]], "--watch" }
      w:told "its sockets stay open"
      w:ends(1, signal)
      w = worker.start { "Server { endpoint = 'ipc:///no/such/folder/w' }:pull()", "--watch" }
      w:told "its sockets stay open"
      w:ends(69, signal)
    end)
  end

  it("flushes what was sent before", function()
    local w = worker.start { [[
local push = Server { endpoint = "ipc://w.sock" }:push()
for i = 1, 500 do push(tostring(i)) end
error "boom"]], "--watch" }
    local pull = w:client():pull()
    w:told "its sockets stay open"
    w:kill "sigterm"
    for i = 1, 500 do assert.equal(tostring(i), pull()) end
    w:ends(1)
  end)
end)

describe("the command line", function()
  local script = support.file("print 'run'")

  local function refuses(text, ...)
    local arguments = { ... }
    arguments[#arguments + 1] = script
    local child = support.run_host(arguments)
    assert.equal(2, child.code)
    assert.matches(text, child.stderr, 1, true)
    assert.equal("", child.stdout)
  end

  it("says that --redeliver and --dead-letter need --restart or --watch", function()
    refuses("--redeliver and --dead-letter need --restart or --watch", "--redeliver", "1")
    refuses("--redeliver and --dead-letter need --restart or --watch", "--dead-letter", "/dev/null")
  end)

  it("wants whole numbers", function()
    for _, value in ipairs { "", "x", "-1", "1.5", "1x", "nan", "inf", "1e10" } do
      refuses("--redeliver takes a whole number, 0 or more, not '" .. value .. "'", "--restart", "--redeliver", value)
      refuses("--probation takes a whole number of messages, 0 or more, not '" .. value .. "'", "--probation", value)
    end
  end)

  it("names a file of dead letters that cannot be opened, before anything starts", function()
    refuses("the dead letters cannot be written to /no/such/folder/file: No such file or directory",
      "--restart", "--dead-letter", "/no/such/folder/file")
    refuses("the dead letters cannot be written to /: Is a directory", "--watch", "--dead-letter", "/")
  end)

  it("says 66 where there is no script to watch, restart or not", function()
    for _, option in ipairs { "--watch", "--restart" } do
      local child = support.run_host { option, "/no/such/missing.lua" }
      assert.equal(66, child.code)
      assert.matches("no script /no/such/missing.lua", child.stderr, 1, true)
    end
  end)
end)
