-- SPDX-License-Identifier: MIT
-- Foreign peers in Python that speak ZMTP themselves, so that they can send what no library would.

local support = require "spec.support"

local forged_peer = {}

-- peer(KIND) is a connected socket of that kind after its handshake: frame(bytes, more) sends a frame. say(word)
-- prints it, and waits until go_on() is called here.
local prelude = [[
import socket, struct, sys

class peer:
    def __init__(self, kind):
        self.s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        self.s.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16 + 1 + 31))
        self.read(64)
        ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
        self.s.sendall(b"\x04" + bytes([len(ready)]) + ready)
        self.read(self.read(2)[1])
    def read(self, size):
        return self.s.recv(size, socket.MSG_WAITALL)
    def frame(self, body, more=False):
        if len(body) < 256:
            self.s.sendall(bytes([1 if more else 0, len(body)]) + body)
        else:
            self.s.sendall(bytes([3 if more else 2]) + struct.pack(">Q", len(body)) + body)
    def close(self):
        self.s.close()

def say(word):
    print(word, flush=True)
    sys.stdin.readline()
]]

-- Runs the Python text with peers of this port.
function forged_peer.start(port, text)
  local child = support.start_python(prelude .. text, port)
  function child.go_on() child:write "\n" end
  return child
end

return forged_peer
