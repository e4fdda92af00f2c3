-- SPDX-License-Identifier: MIT
-- The options of pub and sub: what `conflate` and `lossless` do.

local support = require "spec.support"
local zeroless = require "zeroless"

local Server, Client = zeroless.Server, zeroless.Client
local patience = support.patience

describe("conflate", function()
  local function latest(sub_options, pub_options)
    local server = Server { host = "127.0.0.1" }
    local pub = server:pub(pub_options)
    sub_options.conflate = true
    local sub = Client():connect_local(server.port):sub(sub_options)
    local marker = Client():connect_local(server.port):sub()
    assert(pub:wait_subscribers(#(sub_options.topics or { "" }) + 1, patience))
    return pub, sub, marker
  end

  -- What `sub` gives until it gives `last`: with conflate, much less than what was sent.
  local function read_until(sub, last)
    local count = 0
    repeat
      local message = { sub:recv(patience) }
      count = count + 1
    until message[#message] == last or not message[1]
    return count
  end

  it("keeps only the newest message", function()
    local pub, sub, marker = latest {}
    for i = 1, 500 do pub("value " .. i) end
    for _ = 1, 500 do marker:recv(patience) end
    assert.is_true(read_until(sub, "value 500") < 100)
    assert.same({ nil, "empty" }, { sub:try() })
    pub "next"
    assert.equal("next", sub:recv(patience))
  end)

  it("keeps messages of several frames whole", function()
    local pub, sub, marker = latest({ topics = { "sh" } }, { topic = "sh", embed_topic = true })
    for i = 1, 500 do pub("value", tostring(i)) end
    for _ = 1, 500 do marker:recv(patience) end
    local message
    local count = 0
    repeat
      message = { sub:recv(patience) }
      assert.equal("sh", message[1])
      assert.equal("value", message[2])
      assert.equal(3, #message)
      count = count + 1
    until message[3] == "500"
    assert.is_true(count < 100)
    assert.same({ nil, "empty" }, { sub:try() })
  end)

  it("hears all of its topics", function()
    local pub, sub = latest { topics = { "a", "b", "c" } }
    for _, topic in ipairs { "a", "b", "c" } do
      pub(topic)
      assert.equal(topic, sub:recv(patience))
    end
  end)

  it("keeps the newest message of an exact topic", function()
    local pub, sub, marker = latest { topics = { "a" }, exact = true }
    for i = 1, 100 do pub("a", tostring(i)) end
    for i = 1, 100 do pub("ab", tostring(i)) end
    for _ = 1, 200 do marker:recv(patience) end
    assert.is_true(read_until(sub, "100") < 50)
    assert.same({ nil, "empty" }, { sub:try() })
  end)

  it("does not bound what comes while nobody reads", function()
    local pub, sub, marker = latest { receive_hwm = 10 }
    local count = 900 -- what the marker's queue holds
    for i = 1, count do pub(tostring(i)) end
    for _ = 1, count do marker:recv(patience) end
    read_until(sub, tostring(count))
    assert.same({ nil, "empty" }, { sub:try() })
  end)
end)

describe("lossless", function()
  local function slow_subscriber(pub_options)
    local server = Server { endpoint = support.inproc() }
    pub_options.hwm = 5
    local pub = server:pub(pub_options)
    local sub = Client():connect(server.endpoint):sub { hwm = 5 }
    assert(pub:wait_subscribers(1, patience))
    return pub, sub
  end

  it("makes a pub wait instead of dropping", function()
    local pub, sub = slow_subscriber { lossless = true }
    local publisher = zeroless.spawn(function()
      for i = 1, 500 do pub("number", tostring(i)) end
    end)
    for i = 1, 500 do
      if i % 100 == 0 then zeroless.sleep(0.005) end
      assert.same({ "number", tostring(i) }, { sub:recv(patience) })
    end
    publisher:join(patience)
  end)

  it("makes try say full, and a timeout end the wait", function()
    local pub = slow_subscriber { lossless = true, timeout = 0.05 }
    local results = {}
    for _ = 1, 20 do results[#results + 1] = { pub "x" } end
    assert.same({ nil, "timeout" }, results[20])
    assert.same({ nil, "full" }, { pub:try "x" })
  end)

  it("costs no time while it waits", function()
    local pub = slow_subscriber { lossless = true, timeout = 0.5 }
    while pub:try "x" do end
    repeat
      local before_cpu, before = os.clock(), zeroless.now()
      local sent = pub "x"
      local cpu, time = os.clock() - before_cpu, zeroless.now() - before
      if not sent then assert.is_true(cpu < 0.5 * time) end
    until not sent
  end)

  it("drops without it", function()
    local pub, sub = slow_subscriber {}
    for i = 1, 100 do assert.is_true(pub(tostring(i))) end
    local got = 0
    while sub:try() do got = got + 1 end
    assert.is_true(got < 100)
  end)
end)
