-- SPDX-License-Identifier: MIT
-- push and pull: one message to one of many, in order, on either side.

local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local patience = support.patience

local function pull_server()
  local server = Server { host = "127.0.0.1" }
  return server:pull(), server.port
end

describe("push and pull", function()
  it("carry ten messages in a row, of one frame and of two", function()
    local pull, port = pull_server()
    local push = Client():connect_local(port):push()
    for i = 1, 10 do
      assert.is_true(push("ping " .. i))
      assert.is_true(push("id " .. i, "ping " .. i))
    end
    for i = 1, 10 do
      assert.same({ "ping " .. i }, { pull:recv(patience) })
      assert.same({ "id " .. i, "ping " .. i }, { pull:recv(patience) })
    end
  end)

  it("go back and forth over two of them", function()
    local pings, ping_port = pull_server()
    local pongs, pong_port = pull_server()
    local ping = Client():connect_local(ping_port):push()
    local pong = Client():connect_local(pong_port):push()
    for i = 1, 10 do
      ping("ping " .. i)
      assert.equal("ping " .. i, pings:recv(patience))
      pong("pong " .. i)
      assert.equal("pong " .. i, pongs:recv(patience))
    end
  end)

  it("work with the pusher bound", function()
    local server = Server { host = "127.0.0.1" }
    local push = server:push()
    local pull = Client():connect_local(server.port):pull()
    assert.is_true(push "hello")
    assert.equal("hello", pull:recv(patience))
  end)

  it("keep the order of 100,000 messages", function()
    local pull, port = pull_server()
    local push = Client():connect_local(port):push()
    local count = 100000
    local pusher = zeroless.spawn(function()
      for i = 1, count do push(tostring(i)) end
    end)
    for i = 1, count do
      local msg = pull:recv(patience)
      if msg ~= tostring(i) then assert.equal(tostring(i), msg) end
    end
    pusher:join(patience)
    assert.same({ nil, "empty" }, { pull:try() })
  end)

  it("share the work among pullers, each message going to one", function()
    local server = Server { host = "127.0.0.1" }
    local push = server:push()
    local seen, count, sent = {}, 0, 0
    local pullers, shares = {}, { 0, 0, 0 }
    for i = 1, 3 do
      pullers[i] = Client():connect_local(server.port):pull()
      zeroless.spawn(function()
        for msg in pullers[i] do
          assert(not seen[msg], "a message came twice")
          seen[msg] = true
          shares[i], count = shares[i] + 1, count + 1
        end
      end)
    end
    support.eventually(function()
      for _ = 1, 30 do
        sent = sent + 1
        push("task " .. sent)
      end
      return shares[1] > 0 and shares[2] > 0 and shares[3] > 0
    end, "a message at each puller")
    support.eventually(function() return count == sent end, "every message")
    for i = 1, 3 do pullers[i]:close() end
  end)

  it("collect from many pushers", function()
    local pull, port = pull_server()
    local expected, got = {}, {}
    for i = 1, 5 do
      local push = Client():connect_local(port):push()
      for j = 1, 20 do
        local msg = i .. "/" .. j
        push(msg)
        expected[#expected + 1] = msg
      end
    end
    for i = 1, #expected do got[i] = pull:recv(patience) end
    table.sort(expected)
    table.sort(got)
    assert.same(expected, got)
  end)

  it("wait for a server that is not there yet, and deliver to it once", function()
    local port = support.free_port()
    local push = Client():connect_local(port):push()
    assert.same({ nil, "full" }, { push:try "not queued" })
    local pusher = zeroless.spawn(function() return push "early" end)
    assert.same({ nil, "timeout" }, { pusher:join(0.05) })
    local pull = Server({ host = "127.0.0.1", port = port }):pull()
    assert.equal("early", pull:recv(patience))
    assert.is_true(pusher:join(patience))
    push "next"
    assert.equal("next", pull:recv(patience))
  end)

  it("lose nothing that was sent before the pusher closed", function()
    local pull, port = pull_server()
    local client = Client():connect_local(port)
    local push = client:push()
    for i = 1, 500 do push(tostring(i)) end
    push:close()
    for i = 1, 500 do assert.equal(tostring(i), pull:recv(patience)) end
  end)

  it("lose nothing that was sent before the script ended", function()
    local pull, port = pull_server()
    local child = support.start_host {
      "-e", [[
        local push = require("zeroless").Client():connect_local(tonumber(arg[1])):push()
        for i = 1, 500 do push(tostring(i)) end
      ]], port,
    }
    for i = 1, 500 do assert.equal(tostring(i), pull:recv(patience)) end
    assert.equal(0, child:wait().code)
  end)

  it("tell of what found nobody when the script is stopped", function()
    local port = support.free_port()
    local child = support.run_host {
      "-e", [[
        local zeroless = require "zeroless"
        zeroless.after(0.2, zeroless.stop)
        zeroless.Client():connect_local(tonumber(arg[1])):push() "to nobody"
      ]], port,
    }
    assert.equal(75, child.code)
    assert.matches("level=error [^\n]*127%.0%.0%.1:" .. port, child.stderr)
  end)
end)
