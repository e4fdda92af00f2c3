-- SPDX-License-Identifier: MIT
-- Tasks that wait for messages of the same receiver.

local support = require "spec.support"
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client

local function packed(...) return { n = select("#", ...), ... } end

describe("several tasks on one receiver", function()
  local server, client, pull, push

  before_each(function()
    local endpoint = support.inproc()
    server, client = Server { endpoint = endpoint }, Client():connect(endpoint)
    pull, push = server:pull(), client:push()
  end)

  after_each(function()
    server:close()
    client:close()
  end)

  it("get each message once between them", function()
    local seen, workers, left = {}, {}, 1000
    for i = 1, 7 do
      workers[i] = zeroless.spawn(function()
        for message in pull do
          seen[message] = (seen[message] or 0) + 1
          left = left - 1
          if i % 2 == 0 then zeroless.sleep(0) end
          if left == 0 then pull:close() end
        end
      end)
    end
    for i = 1, 1000 do push(tostring(i)) end
    for i = 1, 7 do workers[i]:join() end
    for i = 1, 1000 do assert.equal(1, seen[tostring(i)]) end
  end)

  it("are served in the order in which they came", function()
    local order, workers = {}, {}
    for i = 1, 5 do
      workers[i] = zeroless.spawn(function()
        local message = pull()
        order[#order + 1] = i .. message
      end)
    end
    zeroless.sleep(0)
    for _, message in ipairs { "a", "b", "c", "d", "e" } do push(message) end
    for i = 1, 5 do workers[i]:join() end
    assert.same({ "1a", "2b", "3c", "4d", "5e" }, order)
  end)

  it("are not overtaken by one that comes later", function()
    local first = zeroless.spawn(function() return pull() end)
    zeroless.sleep(0)
    push "message"
    assert.same({ n = 2, nil, "empty" }, packed(pull:try()))
    assert.equal("message", first:join())
  end)

  it("leave what comes to the others when one has given up", function()
    local impatient = zeroless.spawn(function() return pull:recv(0.001) end)
    local patient = zeroless.spawn(function() return pull() end)
    assert.same({ n = 2, nil, "timeout" }, packed(impatient:join()))
    push "message"
    assert.equal("message", patient:join())
  end)

  it("all end when it is closed", function()
    local workers = {}
    for i = 1, 5 do
      workers[i] = zeroless.spawn(function()
        for _ in pull do end
        return pull()
      end)
    end
    zeroless.sleep(0)
    pull:close()
    for i = 1, 5 do assert.same({ n = 2, nil, "closed" }, packed(workers[i]:join())) end
  end)
end)
