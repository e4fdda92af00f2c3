-- SPDX-License-Identifier: MIT
-- luv beside sockets: timers, files, processes and TCP on the same loop; what its callbacks may do, and
-- how long a script with live handles lives.

local support = require "spec.support"
local zeroless = require "zeroless"
local uv = require "luv"
local Server, Client = zeroless.Server, zeroless.Client

-- Runs f(done) in a luv callback and waits until it has called done(...): what it got.
local function in_callback(f)
  local results
  local timer = uv.new_timer()
  timer:start(0, 0, function()
    timer:close()
    f(function(...) results = { ... } end)
  end)
  support.eventually(function() return results end)
  return unpack(results)
end

describe("luv beside sockets:", function()
  it("timers fire while a task awaits a message, and messages come while timers run", function()
    local endpoint = support.inproc()
    local server, client = Server { endpoint = endpoint }, Client():connect(endpoint)
    local pull, push = server:pull(), client:push()
    local ticks, timer = 0, uv.new_timer()
    timer:start(1, 1, function()
      ticks = ticks + 1
      push:try(tostring(ticks))
      if ticks == 5 then timer:close() end
    end)
    for i = 1, 5 do assert.equal(tostring(i), pull:recv(support.patience)) end
    server:close()
    client:close()
  end)

  it("files are read and written", function()
    local path, content = support.folder() .. "/file", nil
    uv.fs_open(path, "w", 384, function(err, fd)
      assert(not err, err)
      uv.fs_write(fd, "written", 0, function()
        uv.fs_close(fd, function()
          local file = assert(io.open(path))
          content = file:read "*a"
          file:close()
        end)
      end)
    end)
    support.eventually(function() return content end)
    assert.equal("written", content)
    assert.equal(7, assert(uv.fs_stat(path)).size)
  end)

  it("processes run, with their output", function()
    local output, code, closed = "", nil, false
    local out = uv.new_pipe(false)
    local handle
    local options = { args = { "-c", "echo out; exit 3" }, stdio = { nil, out } }
    handle = assert(uv.spawn("/bin/sh", options, function(exit_code)
      code = exit_code
      handle:close()
    end))
    out:read_start(function(_, data)
      if data then
        output = output .. data
      else
        out:close(function() closed = true end)
      end
    end)
    support.eventually(function() return code and closed end)
    assert.equal(3, code)
    assert.equal("out\n", output)
  end)

  it("TCP connections talk", function()
    local listener, echoed = uv.new_tcp(), nil
    assert(listener:bind("127.0.0.1", 0))
    listener:listen(8, function()
      local peer = uv.new_tcp()
      listener:accept(peer)
      peer:read_start(function(_, data)
        if data then peer:write(data) else peer:close() end
      end)
    end)
    local tcp = uv.new_tcp()
    tcp:connect("127.0.0.1", listener:getsockname().port, function(err)
      assert(not err, err)
      tcp:read_start(function(_, data)
        echoed = data
        tcp:close()
      end)
      tcp:write "echo"
    end)
    support.eventually(function() return echoed end)
    listener:close()
    assert.equal("echo", echoed)
  end)

  it("changed files are noticed", function()
    local path = support.file "before"
    local watcher, seen = uv.new_fs_event(), false
    watcher:start(path, {}, function() seen = true end)
    local file = assert(io.open(path, "w"))
    file:write "after"
    file:close()
    support.eventually(function() return seen end)
    watcher:close()
  end)

  it("work in luv's threads comes back", function()
    local result
    uv.new_work(function(a, b) return a + b end, function(sum) result = sum end):queue(2, 3)
    support.eventually(function() return result end)
    assert.equal(5, result)
  end)

  it("names are looked up", function()
    local found, failed
    uv.getaddrinfo("localhost", nil, { socktype = "stream" }, function(err, list)
      failed, found = err, list
    end)
    support.eventually(function() return found or failed end)
    assert.is_nil(failed)
    assert.is_true(#found > 0)
  end)
end)

describe("a luv callback", function()
  local server, client, pull, push

  before_each(function()
    local endpoint = support.inproc()
    server, client = Server { endpoint = endpoint, hwm = 1 }, Client { hwm = 1 }:connect(endpoint)
    pull, push = server:pull(), client:push()
  end)

  after_each(function()
    server:close()
    client:close()
  end)

  local waits = {
    ["zeroless.sleep"] = function() zeroless.sleep(0.001) end,
    ["a receive"] = function() pull() end,
    ["a receive with a timeout"] = function() pull:recv(0.001) end,
    ["a send to a full queue"] = function() repeat push "x" until false end,
    ["task:join"] = function() zeroless.spawn(zeroless.sleep, 0.01):join() end,
  }
  for name, wait in pairs(waits) do
    for where, run in pairs {
      [""] = pcall,
      [" in a coroutine"] = function(f) return coroutine.resume(coroutine.create(f)) end,
    } do
      it("that waits raises and points to zeroless.spawn: " .. name .. where, function()
        local ok, err = in_callback(function(done) done(run(wait)) end)
        assert.is_false(ok)
        assert.matches("luv_spec.lua:%d+: cannot wait here: this runs in a callback", err)
        assert.matches("zeroless.spawn", err, 1, true)
      end)
    end
  end

  it("sends and receives what need not wait", function()
    local sent, received = in_callback(function(done)
      done(push "message", select(2, pull:try()))
    end)
    assert.is_true(sent)
    assert.is_true(received == nil or received == "empty")
    assert.equal("message", received and pull:recv(support.patience) or "message")
  end)

  it("starts tasks that wait", function()
    local task = in_callback(function(done)
      done(zeroless.spawn(function() return pull() end))
    end)
    push "for the task"
    assert.equal("for the task", task:join())
  end)

  it("starts timers, makes and closes sockets", function()
    local ticked = false
    local port = in_callback(function(done)
      zeroless.after(0.001, function() ticked = true end)
      local fresh = Server { host = "127.0.0.1" }
      fresh:pull()
      local port = fresh.port
      fresh:close()
      done(port)
    end)
    assert.equal("number", type(port))
    support.eventually(function() return ticked end)
  end)

  it("resumes a coroutine that yielded for it, as under luajit", function()
    local function read_soon(path)
      local co = coroutine.running()
      uv.fs_stat(path, function(err, stat) assert(coroutine.resume(co, err, stat)) end)
      local _, stat = coroutine.yield()
      return stat and stat.type
    end
    local kind
    coroutine.wrap(function() kind = read_soon "/tmp" end)()
    assert.is_nil(kind)
    support.eventually(function() return kind end)
    assert.equal("directory", kind)
  end)
end)

describe("an error in a luv callback", function()
  it("ends the script with its traceback and exit code 1", function()
    local child = support.run_script [[
local uv = require "luv"
local function fail() error "in a callback" end
uv.new_timer():start(1, 0, function()
  fail()
end)
require "zeroless".sleep(1000)
print "unreachable"]]
    assert.equal(1, child.code)
    assert.equal("", child.stdout)
    assert.matches("script.lua:2: in a callback\nstack traceback:", child.stderr)
  end)

  it("ends it also when it is that of a wait", function()
    local child = support.run_script [[
local zeroless, uv = require "zeroless", require "luv"
uv.new_timer():start(1, 0, function()
  zeroless.sleep(1)
end)]]
    assert.equal(1, child.code)
    assert.matches("script.lua:3: cannot wait here: this runs in a callback", child.stderr)
  end)

  it("ends it without zeroless, too, and inside uv.run", function()
    for _, last in ipairs { "", "uv.run()" } do
      local child = support.run_script([[
local uv = require "luv"
uv.new_timer():start(1, 0, function() error "alone" end)
]] .. last)
      assert.equal(1, child.code)
      assert.matches("script.lua:2: alone", child.stderr)
    end
  end)
end)

describe("a script with live luv handles", function()
  it("lives on until they are closed", function()
    local child = support.run_script [[
local uv = require "luv"
local timer, ticks = uv.new_timer(), 0
timer:start(1, 1, function()
  ticks = ticks + 1
  if ticks == 3 then
    timer:close()
    print "closed"
  end
end)
print "main"]]
    assert.equal(0, child.code, child.stderr)
    assert.equal("main\nclosed\n", child.stdout)
  end)

  it("lives on after its tasks, whoever was first", function()
    local child = support.run_script [[
local zeroless, uv = require "zeroless", require "luv"
zeroless.spawn(function() zeroless.sleep(0.01) print "task" end)
local timer = uv.new_timer()
timer:start(100, 0, function() print "luv" timer:close() end)]]
    assert.equal(0, child.code, child.stderr)
    assert.equal("task\nluv\n", child.stdout)
  end)

  it("waits for a request in the works", function()
    local child = support.run_script [[
require "luv".fs_stat("/tmp", function(_, stat) print(stat.type) end)]]
    assert.equal(0, child.code, child.stderr)
    assert.equal("directory\n", child.stdout)
  end)

  it("does not live for those that are unreferenced or not active", function()
    local child = support.run_script [[
local uv = require "luv"
local timer = uv.new_timer()
timer:start(1000000, 0, function() end)
timer:unref()
idle = uv.new_timer()
print "end"]]
    assert.equal(0, child.code, child.stderr)
    assert.equal("end\n", child.stdout)
  end)

  it("can be stopped by a callback", function()
    local child = support.run_host { "--drain-timeout", "1000", "-e", [[
local zeroless, uv = require "zeroless", require "luv"
local pull = zeroless.Server { host = "127.0.0.1" }:pull()
uv.new_timer():start(1, 1, function() zeroless.stop(7) end)
for _ in pull do end
print "fell through"]] }
    assert.equal(7, child.code, child.stderr)
    assert.equal("fell through\n", child.stdout)
  end)

  it("still stops by a signal", function()
    local child = support.start_host { support.file [[
local timer = require "luv".new_timer()
timer:start(10, 10, function() print "tick" end)]] }
    child:expect "tick"
    child:kill "sigterm"
    child:wait()
    assert.equal(0, child.code, child.stderr)
  end)

  it("may run luv's loop itself, as under luajit", function()
    local path = support.file [[
local uv = require "luv"
local timer, ticks = uv.new_timer(), 0
timer:start(1, 1, function()
  ticks = ticks + 1
  print("tick", ticks)
  if ticks == 2 then uv.stop() end
  if ticks == 4 then timer:close() end
end)
print(uv.run())
print(uv.run "default")
print(uv.loop_alive())]]
    local reference, ours = support.start({ "luajit", path }):wait(), support.run_host { path }
    assert.equal(0, reference.code, reference.stderr)
    assert.equal(reference.stdout, ours.stdout, ours.stderr)
    assert.equal(0, ours.code)
  end)

  it("has the same luv in every coroutine and task", function()
    local child = support.run_script [[
local zeroless = require "zeroless"
local ran = coroutine.wrap(function()
  local uv = require "luv"
  local timer = uv.new_timer()
  timer:start(1, 0, function() print "from a coroutine" timer:close() end)
  return true
end)()
collectgarbage()
zeroless.spawn(function()
  local timer = require "luv".new_timer()
  timer:start(20, 0, function() print "from a task" timer:close() end)
end)
print(ran)]]
    assert.equal(0, child.code, child.stderr)
    assert.equal("true\nfrom a coroutine\nfrom a task\n", child.stdout)
  end)

  it("closes at the end what it left open", function()
    local child = support.run_script [[
local zeroless, uv = require "zeroless", require "luv"
for _ = 1, 20 do
  uv.new_timer():start(1000000, 0, function() print "unreachable" end)
  uv.new_tcp():bind("127.0.0.1", 0)
end
zeroless.stop()]]
    assert.equal(0, child.code, child.stderr)
    assert.equal("", child.stdout)
  end)
end)
