-- SPDX-License-Identifier: MIT
-- How a stop ends, and what the log says about it.

local support = require "spec.support"
local start = require "spec.process.script".start

describe("the end", function()
  it("does not depend on which of a script's two ends of request and reply is closed first", function()
    for _ = 1, 10 do
      local child = support.run_host { "--drain-timeout", "1000", "--log-level", "warn", "-e", [[
        local zeroless = require "zeroless"
        local server = zeroless.Server { host = "127.0.0.1" }
        local answer, requests = server:reply()
        local ask = zeroless.Client():connect(server.endpoint):request()
        ask "left unread"
      ]] }
      assert.equal(0, child.code, child.stderr)
    end
  end)

  it("comes with code 0 although the signal is repeated within milliseconds", function()
    for i = 1, 10 do
      local child = start [[
local pull = Server { host = "127.0.0.1" }:pull()
print "ready"
for _ in pull do end]]
      child:expect "ready"
      for _ = 1, 1 + i do child:kill "sigterm" end
      support.eventually(function()
        if not child.code then child:kill "sighup" end
        return child.code
      end, "the end")
      child:wait()
      assert.equal(0, child.code, child.stderr)
    end
  end)
end)

describe("the log says why the process stops:", function()
  local causes = {
    ["SIGTERM"] = "zeroless.sleep(1000)",
    ["SIGINT %(Ctrl%-C%)"] = "zeroless.sleep(1000)",
    ["zeroless.stop%(%)"] = "zeroless.stop()",
    ["zeroless.stop%(3%)"] = "zeroless.stop(3)",
  }
  for cause, text in pairs(causes) do
    it((cause:gsub("%%", "")), function()
      local child = start("print 'ready' " .. text)
      child:expect "ready"
      if cause:match "^SIG" then child:kill(cause:match "^%w+":lower()) end
      child:wait()
      assert.matches('level=info msg="stopping: ' .. cause .. '"', child.stderr)
    end)
  end

  it("nothing when a script just ends", function()
    local child = support.run_host { "-e", [[local zeroless = require "zeroless" zeroless.sleep(0)]] }
    assert.equal("", child.stderr)
  end)

  it("and what it is finishing when that takes more than a moment", function()
    local child = start([[
zeroless.spawn(function() zeroless.sleep(0) end)
local pull = Server { endpoint = "inproc://x" }:pull()
Client():connect "inproc://x":push() "work"
pull()
zeroless.stop()
zeroless.sleep(1)]], "--drain-timeout", support.patience)
    child:wait()
    assert.equal(0, child.code, child.stderr)
    assert.matches(('level=info msg="finishing 1 task and 0 received messages, up to %g s; a second signal')
      :format(support.patience), child.stderr, 1, true)
  end)
end)
