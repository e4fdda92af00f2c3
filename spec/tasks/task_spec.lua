-- SPDX-License-Identifier: MIT
-- Tasks: spawn, join, status, how they share the thread, and what an error in one does.

local support = require "spec.support"
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client

local function packed(...) return { n = select("#", ...), ... } end

describe("zeroless.spawn", function()
  it("returns a task that runs when the present one waits", function()
    local ran = false
    local task = zeroless.spawn(function() ran = true end)
    assert.equal("userdata", type(task))
    assert.is_false(ran)
    zeroless.sleep(0)
    assert.is_true(ran)
    task:join()
  end)

  it("hands its arguments over, nils too", function()
    local got
    zeroless.spawn(function(...) got = packed(...) end, nil, "a", nil):join()
    assert.same({ n = 3, nil, "a", nil }, got)
  end)

  it("starts tasks in the order of the calls", function()
    local order, last = {}, nil
    for i = 1, 5 do last = zeroless.spawn(function() order[i] = #order + 1 end) end
    last:join()
    assert.same({ 1, 2, 3, 4, 5 }, order)
  end)

  it("can be called in a task, in a coroutine, and by the task it made", function()
    local function deeper(depth)
      return depth == 0 and 0 or 1 + zeroless.spawn(coroutine.wrap(deeper), depth - 1):join()
    end
    assert.equal(5, deeper(5))
  end)

  it("raises at the caller's line when it gets no function", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local ok, err = pcall(function() zeroless.spawn "text" end)
    assert.is_false(ok)
    assert.equal(("spec/tasks/task_spec.lua:%d: zeroless.spawn takes a function, not a string"):format(line), err)
    assert.has_error(function() zeroless.spawn() end)
  end)

  it("names the place where the task begins", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local task = zeroless.spawn(function() end)
    assert.matches("task_spec.lua:" .. line, tostring(task), 1, true)
    task:join()
  end)

  it("runs a function of C, too", function()
    assert.equal("3", zeroless.spawn(tostring, 3):join())
  end)
end)

describe("task.status", function()
  it("tells ready, running, waiting, done", function()
    local task, inside
    task = zeroless.spawn(function()
      inside = task.status
      zeroless.sleep(0.001)
    end)
    assert.equal("ready", task.status)
    zeroless.sleep(0)
    assert.equal("running", inside)
    assert.equal("waiting", task.status)
    task:join()
    assert.equal("done", task.status)
  end)

  it("tells failed", function()
    local task = zeroless.spawn(error, "x")
    task:join()
    assert.equal("failed", task.status)
  end)

  it("is all that a task tells", function()
    local task = zeroless.spawn(function() end)
    assert.is_nil(task.result)
    assert.has_error(function() task.status = "done" end)
    task:join()
  end)
end)

describe("task:join", function()
  it("gives the results, nils too", function()
    local results = packed(zeroless.spawn(function() return nil, 2, nil end):join())
    assert.same({ n = 3, nil, 2, nil }, results)
    assert.equal(0, packed(zeroless.spawn(function() end):join()).n)
  end)

  it("waits for the end", function()
    local task = zeroless.spawn(function()
      for _ = 1, 10 do zeroless.sleep(0.001) end
      return "done"
    end)
    assert.equal("done", task:join())
  end)

  it("may be called again, and long after the end", function()
    local task = zeroless.spawn(function() return "kept", nil end)
    assert.same({ n = 2, "kept" }, packed(task:join()))
    collectgarbage()
    zeroless.sleep(0)
    assert.same({ n = 2, "kept" }, packed(task:join()))
    assert.same({ n = 2, "kept" }, packed(task:join(0)))
  end)

  it("wakes every task that joins", function()
    local slow = zeroless.spawn(function()
      zeroless.sleep(0.005)
      return "slow"
    end)
    local joiners = {}
    for i = 1, 5 do joiners[i] = zeroless.spawn(function() return slow:join() end) end
    for i = 1, 5 do assert.equal("slow", joiners[i]:join()) end
  end)

  it("gives nil and the error of a task that failed", function()
    local task = zeroless.spawn(function() error "boom" end)
    local result, err = task:join()
    assert.is_nil(result)
    assert.matches("task_spec.lua:%d+: boom$", err)
    local object = {}
    result, err = zeroless.spawn(function() error(object) end):join()
    assert.is_nil(result)
    assert.equal(object, err)
  end)

  it('gives nil and "timeout" when the time is over, and the task runs on', function()
    local go = false
    local task = zeroless.spawn(function()
      while not go do zeroless.sleep(0.001) end
      return "late"
    end)
    local before = zeroless.now()
    assert.same({ n = 2, nil, "timeout" }, packed(task:join(0.02)))
    assert.is_true(zeroless.now() - before >= 0.02)
    assert.same({ n = 2, nil, "timeout" }, packed(task:join(0)))
    go = true
    assert.equal("late", task:join(support.patience))
  end)

  it("raises for a task that joins itself", function()
    local task
    task = zeroless.spawn(function() task:join() end)
    local _, err = task:join()
    assert.matches("task_spec.lua:%d+: a task cannot join itself", err)
  end)

  it("raises for a timeout that is no time", function()
    local task = zeroless.spawn(function() end)
    for _, timeout in ipairs { -1, "1", {}, 0 / 0 } do
      local ok, err = pcall(task.join, task, timeout)
      assert.is_false(ok)
      assert.matches("timeout must be a number of seconds", err)
    end
    task:join()
  end)

  it("raises for a self that is no task", function()
    local task = zeroless.spawn(function() end)
    local join = task.join
    task:join()
    for _, wrong in ipairs { 1, "task", {}, io.stdout } do assert.has_error(function() join(wrong) end) end
  end)
end)

describe("an error in a task", function()
  it("ends the script with that task's traceback and exit code 1", function()
    local result = support.run_script [[
local zeroless = require "zeroless"
local function handle()
  error "no such order"
end
zeroless.spawn(function()
  zeroless.sleep(0.001)
  handle()
end)
zeroless.sleep(1000)
print "unreachable"]]
    assert.equal(1, result.code)
    assert.equal("", result.stdout)
    assert.matches("script.lua:3: no such order\nstack traceback:", result.stderr)
    assert.matches("script.lua:3: in function 'handle'", result.stderr)
    assert.matches("script.lua:7: in function <[^>]*script.lua:5>", result.stderr)
  end)

  it("ends the script even when others are busy with messages", function()
    local result = support.run_script [[
local zeroless = require "zeroless"
local server = zeroless.Server { host = "127.0.0.1" }
local pull = server:pull()
local push = zeroless.Client():connect_local(server.port):push()
zeroless.spawn(function() while true do push "x" end end)
zeroless.spawn(function() for _ in pull do end end)
zeroless.sleep(0.05)
error "enough"]]
    assert.equal(1, result.code)
    assert.matches("script.lua:8: enough", result.stderr)
  end)

  it("that has been joined goes to the one who joins", function()
    local result = support.run_script [[
local zeroless = require "zeroless"
local task = zeroless.spawn(function()
  zeroless.sleep(0.001)
  error "mine"
end)
print(task:join())]]
    assert.equal(0, result.code, result.stderr)
    assert.matches("^nil\t[^\n]*script.lua:4: mine\n$", result.stdout)
  end)

  it("may be any value", function()
    local result = support.run_script [[require "zeroless".spawn(function() error { code = 7 } end)]]
    assert.equal(1, result.code)
    assert.matches("(error object is a table value)", result.stderr, 1, true)
    result = support.run_script [[
require "zeroless".spawn(function()
  error(setmetatable({}, { __tostring = function() return "told" end }))
end)]]
    assert.equal(1, result.code)
    assert.matches("zlrun: told\nstack traceback", result.stderr)
  end)
end)

describe("a task", function()
  it("that always finds a message lets the others run", function()
    local endpoint = support.inproc()
    local server, client = Server { endpoint = endpoint }, Client():connect(endpoint)
    local pull, push = server:pull(), client:push()
    local stop = false
    local other = zeroless.spawn(function() stop = true end)
    local deadline = zeroless.now() + support.patience
    while not stop and zeroless.now() < deadline do
      push "x"
      pull()
    end
    assert.is_true(stop)
    other:join()
    server:close()
    client:close()
  end)

  it("that only tries lets the others run", function()
    local endpoint = support.inproc()
    local server, client = Server { endpoint = endpoint }, Client():connect(endpoint)
    local pull, push = server:pull(), client:push()
    local writer = zeroless.spawn(function() push "at last" end)
    local message
    repeat
      message = pull:try()
      if not message then zeroless.sleep(0) end
    until message
    assert.equal("at last", message)
    writer:join()
    server:close()
    client:close()
  end)

  it("that has ended is collected", function()
    local collected = setmetatable({}, { __mode = "k" })
    for _ = 1, 100 do
      local payload = {}
      collected[payload] = true
      zeroless.spawn(function() return payload end):join()
    end
    collectgarbage()
    collectgarbage()
    local left = 0
    for _ in pairs(collected) do left = left + 1 end
    assert.is_true(left <= 1, left .. " of 100 are left")
  end)

  it("that nobody refers to runs to its end all the same", function()
    local ended = 0
    for _ = 1, 100 do
      zeroless.spawn(function()
        zeroless.sleep(0.001)
        ended = ended + 1
      end)
    end
    collectgarbage()
    collectgarbage()
    support.eventually(function() return ended == 100 end)
  end)
end)

describe("the process", function()
  it("lives while a task does", function()
    local result = support.run_script [[
local zeroless = require "zeroless"
zeroless.spawn(function()
  for _ = 1, 3 do zeroless.sleep(0.01) end
  print "task"
end)
print "main"]]
    assert.equal(0, result.code)
    assert.equal("main\ntask\n", result.stdout)
  end)

  it("lives while a task awaits a message", function()
    local result = support.run_script [[
local zeroless = require "zeroless"
local server = zeroless.Server { endpoint = "inproc://a" }
local pull = server:pull()
zeroless.spawn(function() print(pull()) end)
zeroless.spawn(function()
  zeroless.sleep(0.01)
  zeroless.Client():connect "inproc://a":push() "late"
end)]]
    assert.equal(0, result.code)
    assert.equal("late\n", result.stdout)
  end)

  it("ends when no task is left, though sockets are open", function()
    local result = support.run_script [[
local zeroless = require "zeroless"
server = zeroless.Server { host = "127.0.0.1" }
pull = server:pull()
print "end"]]
    assert.equal(0, result.code)
    assert.equal("end\n", result.stdout)
  end)
end)

describe("zeroless.generation and zeroless.state", function()
  it("begin with 1 and an empty table", function()
    local result = support.run_script [[
local zeroless = require "zeroless"
print(zeroless.generation, type(zeroless.state), next(zeroless.state))]]
    assert.equal("1\ttable\tnil\n", result.stdout)
  end)
end)
