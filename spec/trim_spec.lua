-- SPDX-License-Identifier: MIT
-- Memory that a peer made libzmq take goes back to the system after the peer has left.

local support = require "spec.support"

-- Begins a message and sends frames of it, 64 KiB each, which announce yet another one, as any peer may.
local hostile = [[
import socket, struct, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16 + 1 + 31))
def read(size): return s.recv(size, socket.MSG_WAITALL)
read(64)
ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 4) + b"PUSH"
s.sendall(b"\x04" + bytes([len(ready)]) + ready)
read(read(2)[1])
frame = b"\x03" + struct.pack(">Q", 65536) + bytes(65536)
for _ in range(6000): s.sendall(frame)
print("sent", flush=True)
sys.stdin.readline()]]

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
    local peer = support.start_python(hostile, port)
    peer:expect "sent"
    support.eventually(function() return resident(child.pid) > 300 end, "the memory to be taken")
    peer:write "\n"
    peer:wait()
    support.eventually(function() return resident(child.pid) < 100 end, "the memory to be given back")
    child:kill "sigterm"
    child:wait()
    assert.equal(0, child.code, child.stderr)
  end)
end)
