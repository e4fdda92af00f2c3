-- SPDX-License-Identifier: MIT
-- Receivers: iteration, call, recv, try; frames of every number and size; many tasks on one; close.

local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local refused, patience = support.refused, support.patience

local function tcp_pipe(options)
  local server = Server { host = "127.0.0.1" }
  local pull = server:pull(options)
  return Client():connect_local(server.port):push(options), pull, server
end

local function inproc_pipe(options)
  local server = Server { endpoint = support.inproc() }
  local pull = server:pull(options)
  return Client():connect(server.endpoint):push(options), pull, server
end

describe("a receiver", function()
  it("is an iterator that ends when the socket is closed", function()
    local push, pull = tcp_pipe()
    for i = 1, 3 do push(tostring(i)) end
    local seen = {}
    for msg in pull do
      seen[#seen + 1] = msg
      if #seen == 3 then pull:close() end
    end
    assert.same({ "1", "2", "3" }, seen)
    for _ in pull do error "closed receivers give nothing" end
    push:close()
  end)

  it("gives every frame as a value of its own in a loop", function()
    local push, pull = tcp_pipe()
    push("a", "b", "c")
    push("", "d")
    local seen = {}
    for first, second, third in pull do
      seen[#seen + 1] = { first, second, third }
      if #seen == 2 then break end
    end
    assert.same({ { "a", "b", "c" }, { "", "d" } }, seen)
  end)

  it("does not end its loop with an empty frame", function()
    local push, pull = tcp_pipe()
    for _ = 1, 3 do push "" end
    push "end"
    local empty = 0
    for msg in pull do
      if msg == "end" then break end
      empty = empty + 1
    end
    assert.equal(3, empty)
  end)

  it("returns one message when called", function()
    local push, pull = tcp_pipe()
    push "one"
    push("two", "frames")
    assert.same({ "one" }, { pull() })
    assert.same({ "two", "frames" }, { pull() })
  end)

  it("waits when called until there is a message", function()
    local push, pull = tcp_pipe()
    local waiting = zeroless.spawn(function() return pull() end)
    assert.same({ nil, "timeout" }, { waiting:join(0.02) })
    push "at last"
    assert.equal("at last", waiting:join(patience))
  end)

  it("returns nil and stopping, and ends its loops, when the process stops", function()
    local child = support.run_script [[
      local zeroless = require "zeroless"
      local pull = zeroless.Server{endpoint = "inproc://a"}:pull()
      local other = zeroless.Server{endpoint = "inproc://b"}:pull()
      zeroless.after(0.01, zeroless.stop)
      for _ in pull do end
      print(other())
    ]]
    assert.equal("nil\tstopping\n", child.stdout)
    assert.equal(0, child.code)
  end)
end)

describe("receiver:recv()", function()
  it("returns a message, or nil and timeout after its seconds", function()
    local push, pull = tcp_pipe()
    local before = zeroless.now()
    assert.same({ nil, "timeout" }, { pull:recv(0.05) })
    assert.is_true(zeroless.now() - before >= 0.049)
    push("id", "body")
    assert.same({ "id", "body" }, { pull:recv(patience) })
  end)

  it("takes 0 seconds", function()
    local push, pull = inproc_pipe()
    assert.same({ nil, "timeout" }, { pull:recv(0) })
    push "a"
    support.eventually(function() return pull:recv(0) == "a" end)
  end)

  it("waits for ever without seconds", function()
    local push, pull = inproc_pipe()
    local waiting = { zeroless.spawn(function() return pull:recv() end) }
    assert.same({ nil, "timeout" }, { waiting[1]:join(0.02) })
    push "a"
    assert.equal("a", waiting[1]:join(patience))
    waiting[2] = zeroless.spawn(function() return pull:recv(math.huge) end)
    assert.same({ nil, "timeout" }, { waiting[2]:join(0.02) })
    push "b"
    assert.equal("b", waiting[2]:join(patience))
  end)

  it("loses no message to a timeout", function()
    local push, pull = tcp_pipe()
    local pusher = zeroless.spawn(function()
      for i = 1, 200 do
        push(tostring(i))
        if i % 5 == 0 then zeroless.sleep(0.001) end
      end
    end)
    local timeouts = 0
    for i = 1, 200 do
      local msg
      repeat
        msg = pull:recv(0.0005)
        if not msg then timeouts = timeouts + 1 end
      until msg or timeouts > 100000
      assert.equal(tostring(i), msg)
    end
    pusher:join(patience)
  end)

  it("raises for seconds that are none", function()
    local _, pull = inproc_pipe()
    assert.equal("timeout must be a number of seconds, 0 or more, not a string",
      refused(function() pull:recv("1") end))
    assert.equal("timeout must be a number of seconds, 0 or more, not -1",
      refused(function() pull:recv(-1) end))
    assert.matches("timeout must be a number of seconds, 0 or more, not %-?nan",
      refused(function() pull:recv(0 / 0) end))
  end)
end)

describe("receiver:try()", function()
  it("returns a message, or nil and empty at once", function()
    local push, pull = inproc_pipe()
    assert.same({ nil, "empty" }, { pull:try() })
    push("a", "b")
    assert.same({ "a", "b" }, { pull:recv(patience) })
    push "c"
    push ""
    assert.same({ "c" }, { pull:try() })
    assert.same({ "" }, { pull:try() })
    assert.same({ nil, "empty" }, { pull:try() })
  end)

  it("sees a message from the wire sooner or later without any wait", function()
    local push, pull = tcp_pipe()
    push "a"
    assert.equal("a", support.eventually(function() return (pull:try()) end))
  end)

  it("takes nothing from the tasks that wait", function()
    local push, pull = inproc_pipe()
    local waiting = zeroless.spawn(function() return pull() end)
    zeroless.sleep(0)
    push "for the one that waits"
    assert.same({ nil, "empty" }, { pull:try() })
    assert.equal("for the one that waits", waiting:join(patience))
  end)
end)

describe("a message", function()
  it("may have 1, 2, 3, 8, 1000 frames", function()
    for _, make in ipairs { tcp_pipe, inproc_pipe } do
      local push, pull = make()
      for _, count in ipairs { 1, 2, 3, 8, 9, 1000, 1, 1000, 2 } do
        local frames = {}
        for i = 1, count do frames[i] = "frame " .. i end
        push(unpack(frames))
        assert.same(frames, { pull:recv(patience) })
      end
    end
  end)

  it("may have empty frames anywhere", function()
    local push, pull = tcp_pipe()
    for _, frames in ipairs {
      { "" }, { "", "" }, { "", "", "" }, { "a", "" }, { "", "a" }, { "a", "", "b" },
    } do
      push(unpack(frames))
      local got = { pull:recv(patience) }
      assert.equal(#frames, #got)
      assert.same(frames, got)
    end
  end)

  it("may hold every byte", function()
    local push, pull = tcp_pipe()
    local bytes = {}
    for i = 0, 255 do bytes[i + 1] = string.char(i) end
    local binary = table.concat(bytes)
    push(binary, "\0", binary:reverse())
    assert.same({ binary, "\0", binary:reverse() }, { pull:recv(patience) })
  end)

  it("may have 10 MB, in one frame and in ten", function()
    for _, make in ipairs { tcp_pipe, inproc_pipe } do
      local push, pull = make()
      local megabyte = ("0123456789abcdef"):rep(65536)
      local large = megabyte:rep(10)
      push(large)
      assert.is_true(pull:recv(patience) == large)
      local frames = {}
      for i = 1, 10 do frames[i] = megabyte .. i end
      push(unpack(frames))
      local got = { pull:recv(patience) }
      assert.equal(10, #got)
      for i = 1, 10 do assert.is_true(got[i] == frames[i]) end
      push "small"
      assert.equal("small", pull:recv(patience))
    end
  end)

  it("stays as it was when others have come after it", function()
    local push, pull = inproc_pipe()
    push("first", "message")
    push("second", "one")
    local a, b = pull()
    local c, d = pull()
    collectgarbage()
    assert.same({ "first", "message", "second", "one" }, { a, b, c, d })
  end)
end)

describe("several tasks on one receiver", function()
  it("get each message once, first come first served", function()
    local push, pull = tcp_pipe()
    local order = {}
    for i = 1, 5 do
      zeroless.spawn(function()
        local msg = pull()
        order[#order + 1] = i .. " got " .. msg
      end)
    end
    zeroless.sleep(0)
    for i = 1, 5 do push(tostring(i)) end
    support.eventually(function() return #order == 5 end, "five messages")
    assert.same({ "1 got 1", "2 got 2", "3 got 3", "4 got 4", "5 got 5" }, order)
  end)

  it("take turns in their loops and lose nothing", function()
    local push, pull = tcp_pipe()
    local seen, total, shares = {}, 0, {}
    local tasks = {}
    for i = 1, 4 do
      shares[i] = 0
      tasks[i] = zeroless.spawn(function()
        for msg in pull do
          assert(not seen[msg], "a message came twice")
          seen[msg] = true
          total, shares[i] = total + 1, shares[i] + 1
          zeroless.sleep(0)
        end
      end)
    end
    for i = 1, 2000 do push(tostring(i)) end
    support.eventually(function() return total == 2000 end, "every message")
    for i = 1, 4 do assert.is_true(shares[i] > 0) end
    pull:close()
    for i = 1, 4 do tasks[i]:join(patience) end
  end)

  it("are served in order when one of them gives up", function()
    local push, pull = inproc_pipe()
    local order = {}
    local impatient = zeroless.spawn(function() return pull:recv(0.01) end)
    for i = 1, 2 do
      zeroless.spawn(function()
        local msg = pull()
        order[#order + 1] = i .. " got " .. msg
      end)
    end
    assert.same({ nil, "timeout" }, { impatient:join(patience) })
    push "a"
    push "b"
    support.eventually(function() return #order == 2 end)
    assert.same({ "1 got a", "2 got b" }, order)
  end)

  it("are all woken by close", function()
    local _, pull = tcp_pipe()
    local tasks = {}
    for i = 1, 10 do
      tasks[i] = zeroless.spawn(function()
        for _ in pull do error "nothing was sent" end
        return pull()
      end)
    end
    tasks[11] = zeroless.spawn(function() return pull:recv(patience) end)
    zeroless.sleep(0)
    pull:close()
    for i = 1, 11 do assert.same({ nil, "closed" }, { tasks[i]:join(patience) }) end
  end)
end)

describe("receiver:close()", function()
  it("makes every way of receiving return nil and closed", function()
    for _, name in ipairs { "pull", "sub", "pair", "reply", "request" } do
      local server = Server { endpoint = support.inproc() }
      local first, second = server[name](server)
      local receiver = second or first
      receiver:close()
      receiver:close()
      assert.same({ nil, "closed" }, { receiver() })
      assert.same({ nil, "closed" }, { receiver:recv(1) })
      assert.same({ nil, "closed" }, { receiver:recv() })
      assert.same({ nil, "closed" }, { receiver:try() })
    end
  end)

  it("throws away what was not read", function()
    local push, pull = inproc_pipe()
    push "unread"
    pull:close()
    assert.same({ nil, "closed" }, { pull:try() })
    push:close()
  end)
end)

describe("a receiver's methods", function()
  it("refuse another self", function()
    local push, pull = inproc_pipe()
    local text = "bad self: call methods with a colon, push:try(msg), pull:recv(1)"
    assert.equal(text, refused(function() pull.recv() end))
    assert.equal(text, refused(function() pull.recv(1) end))
    assert.equal(text, refused(function() pull.recv("x") end))
    assert.equal(text, refused(function() pull.recv({}) end))
    assert.equal(text, refused(function() pull.recv(push) end))
    assert.equal(text, refused(function() pull.recv(io.stdout, 1) end))
    assert.equal(text, refused(function() pull.try() end))
    assert.equal(text, refused(function() pull.try(newproxy()) end))
    assert.matches("bad argument #1", refused(function() pull.close() end))
    assert.matches("bad argument #1", refused(function() pull.close(push) end))
  end)

  it("hide the metatable and tell what it is", function()
    local _, pull, server = inproc_pipe()
    assert.is_false(getmetatable(pull))
    assert.equal(("pull receiver (%s)"):format(server.endpoint), tostring(pull))
    pull:close()
    assert.equal("pull receiver (closed)", tostring(pull))
  end)
end)

describe("a socket", function()
  it("is closed when nothing refers to it, though its last message is still in hand", function()
    local before = support.counts()
    for _ = 1, 10 do
      local push, pull = inproc_pipe()
      push "in hand"
      assert.equal("in hand", pull:recv(patience))
    end
    support.eventually(function()
      jit.flush()
      return support.counts() <= before + 2
    end, "the end of unused sockets")
  end)
end)
