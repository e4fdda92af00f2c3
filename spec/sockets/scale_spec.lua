-- SPDX-License-Identifier: MIT
-- Many of everything: tasks, sockets, timers, waiters. Whether it works, not how fast.

local support = require "spec.support"
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client

describe("one script", function()
  it("has 10,000 tasks that wait on timers", function()
    local woken, tasks = 0, {}
    for i = 1, 10000 do
      tasks[i] = zeroless.spawn(function()
        for _ = 1, 3 do zeroless.sleep(i % 100 / 10000) end
        woken = woken + 1
        return i
      end)
    end
    for i = 1, 10000 do assert.equal(i, tasks[i]:join()) end
    assert.equal(10000, woken)
  end)

  it("has 1,000 sockets, and messages pass through each", function()
    local before = support.counts()
    local ends = {}
    for i = 1, 500 do
      local endpoint = support.inproc()
      local server, client = Server { endpoint = endpoint }, Client():connect(endpoint)
      ends[i] = { server = server, client = client, pull = server:pull(), push = client:push() }
    end
    assert.equal(before + 1000, (support.counts()))
    for round = 1, 3 do
      for i, pair in ipairs(ends) do pair.push(round .. "/" .. i) end
      for i, pair in ipairs(ends) do assert.equal(round .. "/" .. i, pair.pull()) end
    end
    for _, pair in ipairs(ends) do
      pair.server:close()
      pair.client:close()
    end
    assert.equal(before, (support.counts()))
  end)

  it("has a task in each of 500 receivers, and each gets its own", function()
    local ends, tasks = {}, {}
    for i = 1, 500 do
      local endpoint = support.inproc()
      local server, client = Server { endpoint = endpoint }, Client():connect(endpoint)
      local pull = server:pull()
      ends[i] = { server = server, client = client, push = client:push() }
      tasks[i] = zeroless.spawn(function() return pull() end)
    end
    for i = 500, 1, -1 do ends[i].push(tostring(i)) end
    for i = 1, 500 do
      assert.equal(tostring(i), tasks[i]:join(support.patience))
      ends[i].server:close()
      ends[i].client:close()
    end
  end)

  it("serves 200 clients of one server over TCP", function()
    local server = Server { host = "127.0.0.1" }
    local answer, requests = server:reply()
    local worker = zeroless.spawn(function()
      for request in requests do answer(request) end
    end)
    local tasks = {}
    for i = 1, 200 do
      tasks[i] = zeroless.spawn(function()
        local client = Client():connect_local(server.port)
        local ask, replies = client:request()
        for round = 1, 5 do
          local text = i .. "/" .. round
          ask(text)
          assert(replies() == text)
        end
        client:close()
        return true
      end)
    end
    for i = 1, 200 do assert.is_true(tasks[i]:join()) end
    server:close()
    worker:join()
  end)

  it("has 1,000 tasks waiting on one receiver, served in their order", function()
    local endpoint = support.inproc()
    local server, client = Server { endpoint = endpoint }, Client():connect(endpoint)
    local pull, push = server:pull(), client:push()
    local tasks = {}
    for i = 1, 1000 do tasks[i] = zeroless.spawn(function() return pull() end) end
    zeroless.sleep(0)
    for i = 1, 1000 do push(tostring(i)) end
    for i = 1, 1000 do assert.equal(tostring(i), tasks[i]:join()) end
    server:close()
    client:close()
  end)

  it("ends while 10,000 tasks sleep and 1,000 sockets are open", function()
    local child = support.run_script [[
local zeroless = require "zeroless"
keep = {}
for i = 1, 500 do
  keep[#keep + 1] = zeroless.Server { endpoint = "inproc://" .. i }:pull()
  keep[#keep + 1] = zeroless.Client():connect("inproc://" .. i):push()
end
for _ = 1, 10000 do zeroless.spawn(zeroless.sleep, 1000) end
zeroless.sleep(0)
print "ready"
zeroless.stop()]]
    assert.equal(0, child.code, child.stderr:sub(-2000))
    assert.equal("ready\n", child.stdout)
  end)
end)
