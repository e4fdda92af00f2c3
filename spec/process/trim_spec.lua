-- SPDX-License-Identifier: MIT
-- Memory that a peer made libzmq take goes back to the system after the peer has left.

local forged_peer = require "spec.forged_peer"
local support = require "spec.support"

-- Begins a message and sends frames of it, 64 KiB each, which announce yet another one, as any peer may.
local hostile = [[
p = peer(b"PUSH")
frame = bytes(65536)
for _ in range(6000): p.frame(frame, True)
say("sent")]]

local function resident(pid)
  local file = assert(io.open(("/proc/%d/statm"):format(pid)))
  local pages = file:read "*a":match "^%d+ (%d+)"
  file:close()
  return tonumber(pages) * 4096 / 1048576
end

describe("the memory of a message that a peer never completed", function()
  it("goes back to the system soon after the peer has left", function()
    if support.is_sanitized then pending "takes malloc of glibc" return end
    local port = support.free_port()
    local child = support.start { support.host, support.file [[
local pull = require "zeroless".Server { host = "127.0.0.1", port = tonumber(arg[1]) }:pull()
for _ in pull do end]], port }
    child:expect "Ready..."
    local peer = forged_peer.start(port, hostile)
    peer:expect "sent"
    support.eventually(function() return resident(child.pid) > 300 end, "the memory to be taken")
    peer.go_on()
    peer:wait()
    support.eventually(function() return resident(child.pid) < 100 end, "the memory to be given back")
    child:kill "sigterm"
    child:wait()
    assert.equal(0, child.code, child.stderr)
  end)
end)
