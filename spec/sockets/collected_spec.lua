-- SPDX-License-Identifier: MIT
-- A receiver that the collector takes had received messages that nobody has read: they are reported as those of
-- one that is closed.

local support = require "spec.support"

local pull_text = [[
local zeroless = require "zeroless"
local port
do
  local server = zeroless.Server { host = "127.0.0.1" }
  local pull = server:pull()
  port = server.port
  local push = zeroless.Client():connect_local(port):push()
  for i = 1, 50 do push("job " .. i) end
  assert(pull() == "job 1")
  zeroless.sleep(0.5) -- all are on their way: the pull takes up to 1000
  push:close()
end
repeat
  collectgarbage()
  zeroless.sleep(0.01)
until require "zeroless.core".counts() == 0
local again = zeroless.Server { host = "127.0.0.1", port = port }:pull() -- its port is free
again:close()
]]

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

describe("a receiver that is collected", function()
  it("has what it had received counted in the log", function()
    local child = support.run_script(pull_text)
    assert.equal(0, child.code, child.stderr)
    assert.matches("pull at tcp://127.0.0.1:%d+ was closed with 49 messages that it had received and nobody has " ..
      "read; 0 of them are in the dead letters", child.stderr)
  end)

  it("has it kept with --dead-letter", function()
    local path = support.folder() .. "/letters"
    local child = support.run_host { "--restart", "--dead-letter", path, support.file(pull_text) }
    assert.equal(0, child.code, child.stderr)
    assert.matches("was closed with 49 messages .* 49 of them are in the dead letters", child.stderr)
    local letters = read(path)
    for i = 2, 50 do assert.matches("job " .. i, letters, 1, true) end
    assert.is_nil(letters:find("job 1\0", 1, true))
  end)

  it("which is a reply or a pair has it counted, too, and one with nothing is silent", function()
    local child = support.run_script [[
local zeroless = require "zeroless"
do
  local reply, requests = zeroless.Server { endpoint = "inproc://reply" }:reply()
  local request = zeroless.Client():connect "inproc://reply":request()
  request "question"
  local send, receive = zeroless.Server { endpoint = "inproc://pair" }:pair()
  local other = zeroless.Client():connect "inproc://pair":pair()
  other "a" other "b"
  local empty = zeroless.Server { endpoint = "inproc://pull" }:pull()
end
repeat
  collectgarbage()
  zeroless.sleep(0.01)
until require "zeroless.core".counts() == 0]]
    assert.equal(0, child.code, child.stderr)
    assert.matches("reply at inproc://reply was closed with 1 messages", child.stderr, 1, true)
    assert.matches("pair at inproc://pair was closed with 2 messages", child.stderr, 1, true)
    assert.is_nil(child.stderr:find("pull at", 1, true))
  end)
end)
