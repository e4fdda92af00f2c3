-- SPDX-License-Identifier: MIT
-- The option `heartbeat`: how a peer that is gone without a word is noticed, and at what price.

local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local patience = support.patience

-- Whether TCP asks the peer of the established connection at this local port, by /proc/net/tcp.
local function has_keepalive(port)
  local pattern = ("^ *%%d+: %%x+:%04X %%x+:%%x+ 01 %%x+:%%x+ (%%x%%x):"):format(port)
  for line in io.lines "/proc/net/tcp" do
    local timer = line:match(pattern)
    if timer then return timer == "02" end
  end
end

describe("heartbeat", function()
  it("is TCP's keepalive where messages are received, and none with 0", function()
    for _, heartbeat in ipairs { 10, 0 } do
      local server = Server { host = "127.0.0.1", heartbeat = heartbeat }
      local pull = server:pull()
      local push = Client():connect_local(server.port):push()
      push "here"
      assert.equal("here", pull:recv(patience))
      support.eventually(function() return has_keepalive(server.port) == (heartbeat > 0) end)
    end
  end)

  -- With ZMTP heartbeats the connection was given up for lost with what had come on it, and libzmq aborted
  -- some of the times.
  it("does not lose what a peer that has left had sent while the queue was full", function()
    local sent = 1500
    local server = Server { host = "127.0.0.1", heartbeat = 1, receive_hwm = 10 }
    local pull = server:pull()
    local child = support.run_host { "-e", [[
      local push = require("zeroless").Client():connect_local(tonumber(arg[1])):push()
      for i = 1, tonumber(arg[2]) do push(("%4d"):format(i)) end
    ]], server.port, sent }
    assert.equal(0, child.code, child.stderr)
    zeroless.sleep(2.5)
    for i = 1, sent do assert.equal(("%4d"):format(i), pull:recv(patience)) end
  end)

  it("notices a peer that is frozen; 0 does not", function()
    local lively, calm = Server { host = "127.0.0.1" }, Server { host = "127.0.0.1" }
    local beating = lively:pub { heartbeat = 0.1 }
    local silent = calm:pub { heartbeat = 0 }
    local child = support.start_host { "-e", [[
      local zeroless = require "zeroless"
      local subs = {}
      for i = 1, 2 do
        subs[i] = zeroless.Client{heartbeat = 0}:connect_local(tonumber(arg[i])):sub()
      end
      for _ in subs[1] do end
    ]], lively.port, calm.port }
    assert.is_true(beating:wait_subscribers(1, patience))
    assert.is_true(silent:wait_subscribers(1, patience))
    child:kill "sigstop"
    support.eventually(function() return beating.subscribers == 0 end, "the heartbeat to miss its peer")
    assert.equal(1, silent.subscribers)
    child:kill "sigkill"
    child:wait()
  end)

  it("leaves a peer alone that answers", function()
    local server = Server { host = "127.0.0.1", heartbeat = 0.02 }
    local pub = server:pub()
    local sub = Client():connect_local(server.port):sub()
    assert.is_true(pub:wait_subscribers(1, patience))
    for i = 1, 10 do
      zeroless.sleep(0.02)
      assert.equal(1, pub.subscribers)
      pub(tostring(i))
      assert.equal(tostring(i), sub:recv(patience))
    end
  end)

  it("may be as short as a fraction of a millisecond without being off", function()
    local server = Server { host = "127.0.0.1" }
    local pub = server:pub { heartbeat = 0.0001 }
    local child = support.start_host { "-e", [[
      local sub = require("zeroless").Client{heartbeat = 0}:connect_local(tonumber(arg[1])):sub()
      for _ in sub do end
    ]], server.port }
    local seen = pub:wait_subscribers(1, patience)
    child:kill "sigstop"
    support.eventually(function() return pub.subscribers == 0 end)
    assert.is_true(seen)
    child:kill "sigkill"
    child:wait()
  end)
end)
