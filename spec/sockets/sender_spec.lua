-- SPDX-License-Identifier: MIT
-- Senders: frames, what is refused, waiting for room and for peers, try, close.

local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local refused, patience = support.refused, support.patience

-- A pusher and a puller over inproc, where no buffer of the system is in between.
local function pipe(push_options, pull_options)
  local server = Server { endpoint = support.inproc() }
  local pull = server:pull(pull_options)
  local push = Client():connect(server.endpoint):push(push_options)
  return push, pull
end

-- Every kind of sender, connected to somebody who could receive.
local function each_sender(test)
  for _, name in ipairs { "push", "pub", "request", "reply", "pair" } do
    local server = Server { endpoint = support.inproc() }
    local send = server[name](server)
    test(send, name)
    send:close()
  end
end

describe("a sender", function()
  it("returns true", function()
    local push, pull = pipe()
    assert.same({ true }, { push "a" })
    assert.same({ true }, { push("id", "body") })
    assert.same({ true }, { push:try("a", "b", "c") })
    assert.same({ "a" }, { pull:recv(patience) })
    assert.same({ "id", "body" }, { pull:recv(patience) })
    assert.same({ "a", "b", "c" }, { pull:recv(patience) })
  end)

  it("sends each argument as a frame, empty ones included", function()
    local push, pull = pipe()
    for _, frames in ipairs { { "" }, { "", "" }, { "a", "" }, { "", "a", "" }, { "a", "b", "c", "d" } } do
      push(unpack(frames))
      assert.same(frames, { pull:recv(patience) })
      push:try(unpack(frames))
      assert.same(frames, { pull:recv(patience) })
    end
  end)

  it("raises for no frame at all", function()
    each_sender(function(send)
      local text = "nothing to send: a message has at least one frame"
      assert.equal(text, refused(function() send() end))
      assert.equal(text, refused(function() send:try() end))
    end)
  end)

  it("raises for a frame that is no string, with its position and type", function()
    local text = "frame %d is a %s, not a string; convert it with tostring()"
    each_sender(function(send)
      assert.equal(text:format(1, "number"), refused(function() send(1) end))
      assert.equal(text:format(1, "nil"), refused(function() send(nil) end))
      assert.equal(text:format(1, "table"), refused(function() send {} end))
      assert.equal(text:format(2, "nil"), refused(function() send("id", nil) end))
      assert.equal(text:format(2, "boolean"), refused(function() send("id", true) end))
      assert.equal(text:format(1, "number"), refused(function() send(1, "b") end))
      assert.equal(text:format(3, "function"), refused(function() send("a", "b", print) end))
      assert.equal(text:format(4, "nil"), refused(function() send("a", "b", "c", nil) end))
      assert.equal(text:format(2, "nil"), refused(function() send:try("a", nil, "c") end))
      assert.equal(text:format(1, "userdata"), refused(function() send:try(io.stdout) end))
    end)
  end)

  it("sends nothing of a message that it refuses", function()
    local push, pull = pipe()
    for _ = 1, 3 do
      assert.is_false(pcall(push, "a", 1))
      assert.is_false(pcall(push, "a", nil))
      assert.is_false(pcall(push, "a", "b", {}))
      assert.is_false(pcall(push.try, push, "a", "b", 3))
    end
    push "whole"
    assert.same({ "whole" }, { pull:recv(patience) })
    assert.same({ nil, "empty" }, { pull:try() })
  end)

  it("refuses the same in compiled code", function()
    local push, pull = pipe({ hwm = 0 })
    local function attempt(frame) return pcall(push, "a", frame) end
    for _ = 1, 300 do assert(attempt "b") end
    assert.is_false((attempt(nil)))
    assert.is_false((attempt(7)))
    for _ = 1, 300 do assert.same({ "a", "b" }, { pull:recv(patience) }) end
    assert.same({ nil, "empty" }, { pull:try() })
  end)

  it("raises for more frames than a message may have", function()
    local push, pull = pipe()
    local frames = {}
    for i = 1, 4097 do frames[i] = "f" end
    assert.equal("a message of 4097 frames is too long, the limit is 4096",
      refused(function() push(unpack(frames)) end))
    assert.is_true(push(unpack(frames, 1, 4096)))
    assert.equal(4096, select("#", pull:recv(patience)))
  end)

  it("waits while there is no peer", function()
    local server = Server { host = "127.0.0.1" }
    local push = server:push()
    local sent = false
    local pusher = zeroless.spawn(function()
      push "for whoever comes"
      sent = true
    end)
    zeroless.sleep(0.05)
    assert.is_false(sent)
    local pull = Client():connect_local(server.port):pull()
    assert.equal("for whoever comes", pull:recv(patience))
    pusher:join(patience)
    assert.is_true(sent)
  end)

  it("waits while the queue is full", function()
    local push, pull = pipe({ hwm = 1 }, { hwm = 1 })
    while push:try "fill" do end
    local sent = 0
    local pusher = zeroless.spawn(function()
      for _ = 1, 50 do
        push "more"
        sent = sent + 1
      end
    end)
    zeroless.sleep(0.02)
    assert.is_true(sent < 50)
    local more = 0
    while more < 50 do
      if pull:recv(patience) == "more" then more = more + 1 end
    end
    assert.is_true(pusher:join(patience) == nil and sent == 50)
  end)

  it("returns nil and timeout instead, with a timeout", function()
    local push = pipe({ hwm = 1, timeout = 0.05 }, { hwm = 1 })
    while push:try "fill" do end
    local before = zeroless.now()
    assert.same({ nil, "timeout" }, { push "late" })
    assert.same({ nil, "timeout" }, { push("late", "too") })
    assert.is_true(zeroless.now() - before >= 0.09)
    local lonely = Server { host = "127.0.0.1", timeout = 0 }:push()
    assert.same({ nil, "timeout" }, { lonely "nobody" })
  end)

  it("sends nothing of what it gave up", function()
    local push, pull = pipe({ hwm = 1, timeout = 0.01 }, { hwm = 1 })
    local filled = 0
    while push:try "fill" do filled = filled + 1 end
    assert.is_nil((push("given", "up")))
    for _ = 1, filled do assert.same({ "fill" }, { pull:recv(patience) }) end
    assert.same({ nil, "timeout" }, { pull:recv(0.02) })
  end)

  it("never waits in try: nil and full", function()
    local lonely = Server({ host = "127.0.0.1" }):push()
    assert.same({ nil, "full" }, { lonely:try "nobody" })
    local push, pull = pipe({ hwm = 1 }, { hwm = 1 })
    while push:try "fill" do end
    assert.same({ nil, "full" }, { push:try "more" })
    assert.same({ nil, "full" }, { push:try("more", "frames") })
    repeat local msg = pull:try() until not msg
    support.eventually(function() return push:try "room" end)
  end)

  it("gives waiting tasks their turn in order", function()
    local push, pull = pipe({ hwm = 1 }, { hwm = 1 })
    while push:try "fill" do end
    for i = 1, 10 do
      zeroless.spawn(function() push("task " .. i) end)
    end
    zeroless.sleep(0)
    local order = {}
    while #order < 10 do
      local msg = pull:recv(patience)
      if msg ~= "fill" then order[#order + 1] = msg end
    end
    for i = 1, 10 do assert.equal("task " .. i, order[i]) end
  end)

  it("sends binary frames as they are", function()
    local push, pull = pipe()
    local bytes = {}
    for i = 0, 255 do bytes[i + 1] = string.char(i) end
    local binary = table.concat(bytes)
    push(binary, "\0", "\0\0" .. binary)
    assert.same({ binary, "\0", "\0\0" .. binary }, { pull:recv(patience) })
  end)

  it("returns nil and closed once closed, and close may come twice", function()
    each_sender(function(send)
      send:close()
      send:close()
      assert.same({ nil, "closed" }, { send "a" })
      assert.same({ nil, "closed" }, { send("a", "b") })
      assert.same({ nil, "closed" }, { send:try "a" })
      assert.matches("frame 1 is a number", refused(function() send(1) end))
    end)
  end)

  it("wakes who waits to send when it is closed", function()
    local push = Server({ host = "127.0.0.1" }):push()
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = zeroless.spawn(function() return push "nobody" end)
    end
    zeroless.sleep(0)
    push:close()
    for i = 1, 3 do assert.same({ nil, "closed" }, { tasks[i]:join(patience) }) end
  end)

  it("has methods that refuse another self", function()
    local push, pull = pipe()
    local text = "bad self: call methods with a colon, push:try(msg), pull:recv(1)"
    assert.equal(text, refused(function() push.try "a" end))
    assert.equal(text, refused(function() push.try() end))
    assert.equal(text, refused(function() push.try(nil, "a") end))
    assert.equal(text, refused(function() push.try(pull, "a") end))
    assert.equal(text, refused(function() push.try(io.stdout, "a") end))
    assert.matches("bad argument #1", refused(function() push.close() end))
    assert.matches("bad argument #1", refused(function() push.close(pull) end))
    assert.is_true(push:try "still well")
    assert.equal("still well", pull:recv(patience))
  end)

  it("hides its metatable and tells what it is", function()
    local server = Server { endpoint = support.inproc() }
    local push = server:push()
    assert.is_false(getmetatable(push))
    assert.equal(("push sender (%s)"):format(server.endpoint), tostring(push))
    push:close()
    assert.equal("push sender (closed)", tostring(push))
    assert.is_nil(push.nothing_of_the_kind)
  end)

  it("keeps its socket open without its server", function()
    local name = support.inproc()
    local push = Server({ endpoint = name }):push()
    local pull = Client():connect(name):pull()
    collectgarbage()
    collectgarbage()
    push "still there"
    assert.equal("still there", pull:recv(patience))
  end)
end)
