-- SPDX-License-Identifier: MIT
-- The functions of zeroless.on_stop: each is called, whatever the others do, and the one that does not end by the
-- drain deadline is named by its line.

local support = require "spec.support"
local zeroless = require "zeroless"

local prelude = [[local zeroless = require "zeroless" io.stdout:setvbuf "no" ]]
  .. [[local jobs = zeroless.Server { host = "127.0.0.1" }:pull() ]]

local function run(text, ...)
  local arguments = { ... }
  arguments[#arguments + 1] = support.file(prelude .. text)
  return support.run_host(arguments)
end

describe("a function of on_stop", function()
  it("that receives until a receiver stops does not keep the others from it", function()
    local child = run [[
for _, name in ipairs { "A", "B", "C" } do
  zeroless.on_stop(function()
    for _ in jobs do end
    print(name)
  end)
end
zeroless.after(0.01, zeroless.stop)
for _ in jobs do end]]
    assert.equal(0, child.code, child.stderr)
    assert.equal("A\nB\nC\n", child.stdout)
  end)

  it('gets nil, "stopping" each time it receives', function()
    local child = run [[
zeroless.on_stop(function()
  print(jobs())
  print(jobs())
  print(jobs:try())
  print(jobs:recv(1))
end)
zeroless.on_stop(function() print "last" end)
zeroless.stop()
for _ in jobs do end]]
    assert.equal(0, child.code, child.stderr)
    assert.equal(("nil\tstopping\n"):rep(4) .. "last\n", child.stdout)
  end)

  it("that fails is reported, the others are called, and the exit code is 1", function()
    local child = run [[
zeroless.on_stop(function() error "one" end)
zeroless.on_stop(function() zeroless.sleep(0.001) error(nil) end)
zeroless.on_stop(function() print "three" end)
zeroless.stop(3)]]
    assert.equal(1, child.code, child.stderr)
    assert.equal("three\n", child.stdout)
    assert.matches("script.lua:1: one\nstack traceback:\n\t[^\n]*script.lua:1:", child.stderr)
    assert.matches("an error without a message\nstack traceback:\n\t[^\n]*script.lua:2:", child.stderr)
  end)

  it("that is given by another one is called after those that wait", function()
    local child = run [[
zeroless.on_stop(function() zeroless.on_stop(function() print "given late" end) end)
zeroless.on_stop(function() print "two" end)]]
    assert.equal(0, child.code, child.stderr)
    assert.equal("two\ngiven late\n", child.stdout)
  end)

  for name, text in pairs {
    ["sleeps"] = "zeroless.sleep(1000)",
    ["receives for ever"] = "while true do jobs() end",
  } do
    it("that " .. name .. " is named by its line at the deadline, and what was not called is counted", function()
      local child = run(([[
zeroless.on_stop(function()
  %s
end)
zeroless.on_stop(print)
zeroless.on_stop(print)
zeroless.stop()]]):format(text), "--drain-timeout", 0.2)
      assert.equal(75, child.code, child.stderr)
      assert.matches('script.lua:2 msg="the drain deadline has passed; the task waiting here (defined at ',
        child.stderr, 1, true)
      assert.matches("script.lua:1) did not finish", child.stderr, 1, true)
      assert.matches("functions of zeroless.on_stop that were not called: 2", child.stderr, 1, true)
    end)
  end
end)

describe("the drain deadline", function()
  it("names a timer's function by the line of the script", function()
    local child = run([[
zeroless.every(0.001, function()
  for _ in jobs do end
  zeroless.sleep(1000)
end)
zeroless.after(0.05, zeroless.stop)]], "--drain-timeout", 0.3)
    assert.equal(75, child.code, child.stderr)
    assert.matches("script.lua:3 [^\n]*defined at [^\n]*script.lua:1%) did not finish", child.stderr)
    assert.is_nil(child.stderr:find("zeroless/", 1, true), child.stderr)
  end)

  it("ends an idle worker with 0 when the drain timeout is 0", function()
    local child = run([[
zeroless.on_stop(function() print "stopped" end)
zeroless.after(0.01, zeroless.stop)
for _ in jobs do end
print "fell through"]], "--drain-timeout", 0)
    assert.equal(0, child.code, child.stderr)
    assert.equal("fell through\nstopped\n", child.stdout)
    assert.is_nil(child.stderr:find("did not finish", 1, true), child.stderr)
  end)

  it("leaves it to the dead letters to report the message of a task that did not finish", function()
    local letters = support.folder() .. "/letters"
    local endpoint = "ipc://" .. support.folder() .. "/worker.sock"
    local child = support.start_host { "--restart", "--dead-letter", letters, "--drain-timeout", 0.3, support.file(([[
local zeroless = require "zeroless"
for _ in zeroless.Server { endpoint = %q }:pull() do
  io.stderr:write "got it\n"
  zeroless.sleep(1000)
end]]):format(endpoint)) }
    local client = zeroless.Client():connect(endpoint)
    client:push() "job"
    child:expect "got it"
    child:kill "sigterm"
    child:wait()
    client:close()
    assert.equal(75, child.code)
    assert.matches("did not finish handling its message", child.stderr, 1, true)
    assert.matches("set aside to the dead letters", child.stderr, 1, true)
    assert.is_nil(child.stderr:find("message is lost", 1, true), child.stderr)
  end)

  it("names a function of on_reload that does not come back", function()
    local child = support.start_host { "--drain-timeout", 0.2, support.file [[
local zeroless = require "zeroless"
zeroless.on_reload(function()
  io.stderr:write "busy\n"
  os.execute "exec sleep 20 >/dev/null 2>&1"
end)
for _ in zeroless.Server { host = "127.0.0.1" }:pull() do end]] }
    child:expect "Ready..."
    child:kill "sighup"
    child:expect "busy"
    child:kill "sigterm"
    child:wait()
    assert.equal(75, child.code)
    assert.matches("and a function of zeroless.on_reload has not returned", child.stderr, 1, true)
  end)

  it("gives the true reason when the peer of what was sent has left", function()
    local server = zeroless.Server { host = "127.0.0.1", hwm = 1 }
    local pull = server:pull()
    local child = support.start_host { "--drain-timeout", 2.5, "-e", ([[
local zeroless = require "zeroless"
local push = zeroless.Client { hwm = 1000 }:connect_local(%d):push()
push "first"
while push:try(("x"):rep(1e6)) do end
zeroless.stop()]]):format(server.port) }
    child:expect "waiting up to"
    pull()
    server:close()
    child:wait()
    assert.equal(75, child.code, child.stderr)
    assert.matches("unsent messages for tcp:[^\n]* %(its peer has left%) are lost", child.stderr)
    assert.is_nil(child.stderr:find("accepted no more data", 1, true), child.stderr)
  end)
end)
