-- SPDX-License-Identifier: MIT
-- request and reply: the dialogue, its time limits and retries, late replies.

local dialogue = require "spec.sockets.dialogue"
local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local refused, patience = support.refused, support.patience

describe("request and reply", function()
  it("take turns ten times, with one frame and with two", function()
    local request, replies, reply, requests = dialogue()
    for i = 1, 10 do
      assert.is_true(request("ping " .. i))
      assert.same({ "ping " .. i }, { requests:recv(patience) })
      assert.is_true(reply("pong " .. i))
      assert.same({ "pong " .. i }, { replies:recv(patience) })
      assert.is_true(request("id", "ping " .. i))
      assert.same({ "id", "ping " .. i }, { requests:recv(patience) })
      assert.is_true(reply("id", "pong " .. i))
      assert.same({ "id", "pong " .. i }, { replies:recv(patience) })
    end
  end)

  it("work with the requester bound", function()
    local server = Server { host = "127.0.0.1" }
    local request, replies = server:request()
    local reply, requests = Client():connect_local(server.port):reply()
    request "ping"
    assert.equal("ping", requests:recv(patience))
    reply "pong"
    assert.equal("pong", replies:recv(patience))
  end)

  it("carry empty frames, whose number stays", function()
    local request, replies, reply, requests = dialogue()
    request("", "", "a", "")
    assert.same({ "", "", "a", "" }, { requests:recv(patience) })
    reply("", "")
    assert.same({ "", "" }, { replies:recv(patience) })
  end)

  it("serve a loop over requests", function()
    local request, replies, reply, requests = dialogue()
    local server = zeroless.spawn(function()
      for msg in requests do reply(msg:upper()) end
    end)
    for _, word in ipairs { "one", "two", "three" } do
      request(word)
      assert.equal(word:upper(), replies())
    end
    requests:close()
    assert.is_nil(server:join(patience))
    assert.equal("done", server.status)
  end)

  it("send each requester its own reply", function()
    local server = Server { host = "127.0.0.1" }
    local reply, requests = server:reply()
    local tasks = {}
    for i = 1, 10 do
      tasks[i] = zeroless.spawn(function()
        local request, replies = Client():connect_local(server.port):request()
        for j = 1, 20 do
          local question = i .. "/" .. j
          request(question)
          local answer = replies()
          if answer ~= "re " .. question then return answer end
        end
        request.close(request)
        return "all mine"
      end)
    end
    local worker = zeroless.spawn(function()
      for question in requests do reply("re " .. question) end
    end)
    for i = 1, 10 do assert.equal("all mine", tasks[i]:join(patience)) end
    requests:close()
    worker:join(patience)
  end)

  it("let several tasks work on requests at once", function()
    local server = Server { host = "127.0.0.1" }
    local reply, requests = server:reply()
    local workers = {}
    local in_hand, gate = 0, false
    for i = 1, 3 do
      workers[i] = zeroless.spawn(function()
        local question = requests()
        in_hand = in_hand + 1
        support.eventually(function() return gate end)
        reply("re " .. question)
      end)
    end
    local clients = {}
    for i = 1, 3 do
      local request, replies = Client():connect_local(server.port):request()
      request(tostring(i))
      clients[i] = replies
    end
    support.eventually(function() return in_hand == 3 end, "three requests in hand")
    gate = true
    for i = 1, 3 do assert.equal("re " .. i, clients[i]:recv(patience)) end
    for i = 1, 3 do workers[i]:join(patience) end
  end)

  it("spread requests over several servers", function()
    local ports, seen = {}, {}
    local repliers = {}
    for i = 1, 2 do
      local server = Server { host = "127.0.0.1" }
      local reply, requests = server:reply()
      ports[i] = server.port
      repliers[i] = requests
      zeroless.spawn(function()
        for _ in requests do reply("server " .. i) end
      end)
    end
    local request, replies = Client():connect_local(ports[1]):connect_local(ports[2]):request()
    support.eventually(function()
      request "who"
      seen[replies()] = true
      return seen["server 1"] and seen["server 2"]
    end, "an answer from each server")
    for i = 1, 2 do repliers[i]:close() end
  end)

  it("return nil and gone for a reply to a peer that has left", function()
    local server = Server { host = "127.0.0.1" }
    local reply, requests = server:reply()
    local result
    support.eventually(function()
      local request = Client():connect_local(server.port):request()
      request "and away"
      assert.equal("and away", requests:recv(patience))
      request:close()
      zeroless.sleep(0.005)
      result = { reply "anyone there?" }
      return not result[1]
    end, "the news that the peer has left")
    assert.same({ nil, "gone" }, result)
    assert.matches("no request to reply to", refused(function() reply "and now?" end))
  end)
end)

describe("request{timeout, retries}", function()
  it("gives up on a reply after the timeout", function()
    local request, replies, reply, requests = dialogue { timeout = 0.05 }
    request "silence"
    local before = zeroless.now()
    assert.same({ nil, "timeout" }, { replies() })
    assert.is_true(zeroless.now() - before > 0.03)
    assert.equal("silence", requests:recv(patience))
    reply "late"
    assert.same({ nil, "empty" }, { requests:try() })
  end)

  it("sends the request again as often as retries says", function()
    local request, replies, reply, requests = dialogue { timeout = 0.05, retries = 3 }
    request("id", "again")
    assert.same({ nil, "timeout" }, { replies() })
    for _ = 1, 4 do
      assert.same({ "id", "again" }, { requests:recv(patience) })
      reply "too late"
    end
    assert.same({ nil, "timeout" }, { requests:recv(0.1) })
  end)

  it("takes the reply to a later try", function()
    local request, replies, reply, requests = dialogue { timeout = 0.05, retries = 1000 }
    local lazy = zeroless.spawn(function() return requests() end)
    request "please"
    local answer = zeroless.spawn(function() return replies() end)
    assert.equal("please", lazy:join(patience))
    assert.equal("please", requests:recv(patience))
    reply "at last"
    assert.equal("at last", answer:join(patience))
  end)

  it("tries again in a recv with a time of its own", function()
    local request, replies, reply, requests = dialogue { timeout = 0.05, retries = 1 }
    request "twice"
    assert.same({ nil, "timeout" }, { replies:recv(patience) })
    for _ = 1, 2 do
      assert.equal("twice", requests:recv(patience))
      reply "late"
    end
    assert.same({ nil, "timeout" }, { requests:recv(0.1) })
  end)

  it("gives up when it is polled, too", function()
    local request, replies = dialogue { timeout = 0.05 }
    request "polled"
    assert.same({ nil, "empty" }, { replies:try() })
    local reason
    support.eventually(function()
      reason = select(2, replies:try())
      return reason ~= "empty"
    end)
    assert.equal("timeout", reason)
    assert.is_true(request "next")
  end)

  it("can be used again after each timeout", function()
    local request, replies, reply, requests = dialogue { timeout = 0.02 }
    for i = 1, 5 do
      request("lost " .. i)
      assert.same({ nil, "timeout" }, { replies() })
    end
    local answering = zeroless.spawn(function()
      for msg in requests do reply("re " .. msg) end
    end)
    local answer
    support.eventually(function()
      request "found"
      answer = replies()
      return answer
    end, "a reply in time")
    assert.equal("re found", answer)
    requests:close()
    answering:join(patience)
  end)

  it("takes no late reply to an older request for a newer one's", function()
    local request, replies, reply, requests = dialogue { timeout = 0.5 }
    request "old"
    assert.equal("old", requests:recv(patience))
    assert.same({ nil, "timeout" }, { replies() })
    local taken, reason = reply "late reply to old"
    assert.is_true(taken or reason == "gone") -- the requester has left, which takes a moment to be seen
    request "new"
    assert.equal("new", requests:recv(patience))
    assert.is_true(reply "reply to new")
    assert.equal("reply to new", replies:recv(patience))
    assert.matches("no request is open", refused(function() replies:try() end))
  end)

  it("takes one of several replies to the tries of a request, once", function()
    local request, replies, reply, requests = dialogue { timeout = 0.05, retries = 2 }
    request "many"
    local got = zeroless.spawn(function() return replies() end)
    assert.same({ nil, "timeout" }, { got:join(patience) })
    request "one"
    local seen
    repeat -- those that were given up may be withdrawn before they are seen
      seen = requests:recv(patience)
      assert.is_true(seen == "many" or seen == "one", seen)
      reply("re " .. seen)
    until seen == "one"
    assert.equal("re one", replies:recv(patience))
  end)

  it("waits for its reply without a timeout", function()
    local request, replies, reply, requests = dialogue()
    request "slow"
    local answer = zeroless.spawn(function() return replies() end)
    assert.same({ nil, "timeout" }, { answer:join(0.1) })
    assert.equal("slow", requests:recv(patience))
    reply "but sure"
    assert.equal("but sure", answer:join(patience))
  end)

  it("may be asked anew when a recv has given up", function()
    local request, replies, reply, requests = dialogue()
    request "first"
    assert.same({ nil, "timeout" }, { replies:recv(0.02) })
    request "second"
    for _, expected in ipairs { "first", "second" } do
      assert.equal(expected, requests:recv(patience))
      reply("re " .. expected)
    end
    assert.equal("re second", replies:recv(patience))
  end)

  it("may be waited for longer when a recv has given up", function()
    local request, replies, reply, requests = dialogue()
    request "first"
    assert.same({ nil, "timeout" }, { replies:recv(0.02) })
    assert.equal("first", requests:recv(patience))
    reply "re first"
    assert.equal("re first", replies:recv(patience))
  end)

  it("limits how long a request waits for a peer", function()
    local request = Server { host = "127.0.0.1" }:request { timeout = 0.02 }
    assert.same({ nil, "timeout" }, { request "nobody" })
    assert.same({ nil, "full" }, { request:try "nobody" })
  end)

  it("raises for retries that are no whole number", function()
    local client = Client()
    assert.matches("option 'retries' must be a whole number",
      refused(function() client:request { retries = 1.5 } end))
    assert.matches("option 'retries' must be a whole number",
      refused(function() client:request { retries = -1 } end))
  end)
end)
