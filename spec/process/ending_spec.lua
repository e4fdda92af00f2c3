-- SPDX-License-Identifier: MIT
-- Ends of scripts that were seen to go wrong once.

local support = require "spec.support"

local function run(text)
  local child = support.run_host{"--log-level", "warn", "--drain-timeout", "50", "-e", text}
  assert.are.equal(0, child.code, child.stderr)
  assert.are.equal("", child.stderr)
  return child.stdout
end

describe("the end of a script", function()
  it("runs the code after a loop that waited for a message when the stop came", function()
    assert.are.equal("stopping now\nafter the loop\nafter a wait\n", run[[
      local zeroless = require "zeroless"
      local pull = zeroless.Server():pull()
      zeroless.after(0.01, function() print "stopping now" zeroless.stop() end)
      for _ in pull do end
      print "after the loop"
      zeroless.sleep(0.01)
      print "after a wait"
    ]])
  end)

  it("tells every task that waits in a receive", function()
    assert.are.equal("pull\tnil\tstopping\nreply\tnil\tstopping\npair\tnil\tstopping\n", run[[
      local zeroless = require "zeroless"
      local Server = zeroless.Server
      local pull = Server():pull()
      local _, requests = Server():reply()
      local _, pair = Server():pair()
      local function tell(name, receiver) print(name, receiver()) end
      zeroless.spawn(tell, "pull", pull)
      zeroless.spawn(tell, "reply", requests)
      zeroless.spawn(tell, "pair", pair)
      zeroless.sleep(0)
      zeroless.stop()
    ]])
  end)

  it("comes when the last luv handle is closed in its own callback", function()
    assert.are.equal("tick\n", run[[
      local timer = require "luv".new_timer()
      timer:start(10, 0, function() print "tick" timer:close() end)
    ]])
  end)

  it("waits for a task that a luv callback has spawned", function()
    assert.are.equal("done\n", run[[
      local zeroless = require "zeroless"
      local timer = require "luv".new_timer()
      timer:start(10, 0, function()
        timer:close()
        zeroless.spawn(function() zeroless.sleep(0.01) print "done" end)
      end)
    ]])
  end)

  it("does not wait for what was sent to a receiver of the script's own, over inproc or tcp", function()
    local tcp = "tcp://127.0.0.1:*"
    for _, endpoints in ipairs{{support.inproc(), support.inproc()}, {tcp, tcp}} do
      local text = ("local one, other = %q, %q"):format(unpack(endpoints)) .. [[
        local zeroless = require "zeroless"
        local puller, publisher = zeroless.Server{endpoint = one}, zeroless.Server{endpoint = other}
        local pull, pub = puller:pull(), publisher:pub()
        local push = zeroless.Client():connect(puller.endpoint):push()
        local sub = zeroless.Client():connect(publisher.endpoint):sub()
        pub:wait_subscribers(1)
        push "read"
        push "left unread"
        pub "left unread"
        assert(pull() == "read" and sub)
      ]]
      local child = support.run_host{"--log-level", "warn", "--drain-timeout", "50", "-e", text}
      assert.are.equal(0, child.code, child.stderr)
      assert.matches("^[^\n]*level=warn [^\n]*nobody has handled: 1, and are lost\"\n$", child.stderr)
    end
  end)

  it("is not needed for a print to be seen: a script that waits has flushed it", function()
    local child = support.start_host{"-e", [[
      local zeroless = require "zeroless"
      print "printed"
      for _ in zeroless.Server():pull() do end
    ]]}
    support.eventually(function() return child.stdout == "printed\n" end, "the print")
    child:kill "sigterm"
    child:wait()
    assert.are.equal(0, child.code)
  end)
end)
