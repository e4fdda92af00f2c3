-- SPDX-License-Identifier: MIT
-- Every misuse of request and reply raises, names the lines, and leaves the dialogue as it was.

local dialogue = require "spec.sockets.dialogue"
local support = require "spec.support"
local zeroless = require "zeroless"

local refused, patience = support.refused, support.patience

local function here()
  return "spec/sockets/request_misuse_spec.lua:" .. debug.getinfo(2, "l").currentline
end

describe("the misuse of request and reply", function()
  it("raises for a second request without reading, and names both lines", function()
    local request, replies, reply, requests = dialogue()
    local asked = here() request "first"
    local text = refused(function() request "second" end)
    assert.equal(("the request sent at %s is still open; read its reply before sending another"):format(asked), text)
    assert.equal("first", requests:recv(patience))
    reply "re first"
    assert.equal("re first", replies:recv(patience))
    request "third"
    assert.equal("third", requests:recv(patience))
  end)

  it("raises for a reply to nothing", function()
    local request, replies, reply, requests = dialogue()
    assert.equal("there is no request to reply to", refused(function() reply "to nothing" end))
    request "ping"
    assert.equal("ping", requests:recv(patience))
    local answered = here() reply "pong"
    local text = refused(function() reply "pong again" end)
    assert.equal("there is no request to reply to; the last one was answered at " .. answered, text)
    assert.equal("pong", replies:recv(patience))
    request "ping"
    assert.equal("ping", requests:recv(patience))
    reply "pong"
    assert.equal("pong", replies:recv(patience))
  end)

  it("raises for a second receive without a reply, and names both lines", function()
    local request, replies, reply, requests = dialogue()
    request "ping"
    local received = here() assert.equal("ping", requests:recv(patience))
    local text = ("the request received at %s has no reply yet; reply before receiving the next")
      :format(received)
    assert.equal(text, refused(function() requests() end))
    assert.equal(text, refused(function() requests:try() end))
    assert.equal(text, refused(function() requests:recv(1) end))
    reply "pong"
    assert.equal("pong", replies:recv(patience))
  end)

  it("raises for reading a reply twice, and names both lines", function()
    local request, replies, reply, requests = dialogue()
    assert.equal("no request is open, so there is no reply to wait for; call the sender first",
      refused(function() replies() end))
    request "ping"
    assert.equal("ping", requests:recv(patience))
    reply "pong"
    local read = here() assert.equal("pong", replies:recv(patience))
    local text = refused(function() replies() end)
    assert.equal("no request is open, so there is no reply to wait for; call the sender first "
      .. "(the last reply was read at " .. read .. ")", text)
    request "ping"
    assert.equal("ping", requests:recv(patience))
    reply "pong"
    assert.equal("pong", replies:recv(patience))
  end)

  it("does not end the loop over requests", function()
    local request, replies, reply, requests = dialogue()
    local mistakes = 0
    local worker = zeroless.spawn(function()
      for msg in requests do
        if not pcall(requests) then mistakes = mistakes + 1 end
        reply(msg)
        if not pcall(reply, msg) then mistakes = mistakes + 1 end
      end
    end)
    for i = 1, 10 do
      request(tostring(i))
      assert.is_false(pcall(request, "twice"))
      assert.equal(tostring(i), replies())
      assert.is_false(pcall(replies))
    end
    requests:close()
    worker:join(patience)
    assert.equal(20, mistakes)
  end)

  it("raises for a frame that is no string, and the request stays open", function()
    local request, replies, reply, requests = dialogue()
    request "ping"
    assert.equal("ping", requests:recv(patience))
    assert.matches("frame 2 is a number", refused(function() reply("a", 1) end))
    reply "pong"
    assert.equal("pong", replies:recv(patience))
  end)

  it("ends waits and dialogues with nil and closed when a side closes", function()
    local request, replies, reply, requests = dialogue()
    request "ping"
    assert.equal("ping", requests:recv(patience))
    local waiting = zeroless.spawn(function() return replies() end)
    zeroless.sleep(0)
    request:close()
    assert.same({ nil, "closed" }, { waiting:join(patience) })
    assert.same({ nil, "closed" }, { request "again" })
    reply:close()
    assert.same({ nil, "closed" }, { reply "pong" })
    assert.same({ nil, "closed" }, { requests() })
  end)
end)
