-- SPDX-License-Identifier: MIT
-- A peer in Python, on pyzmq's own sockets as the Python programs of the quickstart have them. Both
-- sides make the same test messages, each from its own source text.

local support = require "spec.support"
local zeroless = require "zeroless"

local peer = {}

-- Who binds; the other one connects.
peer.ways = {"zlrun", "Python"}

local every_byte = {}
for i = 0, 255 do every_byte[i + 1] = string.char(i) end
every_byte = table.concat(every_byte)
peer.every_byte = every_byte

local ten_megabytes = every_byte:rep(40960)
local thousand = {}
for i = 1, 1000 do thousand[i] = tostring(i) end

-- What a wire can get wrong: {name, frames...}.
peer.messages = {
  {"one frame", "Msg1"},
  {"one empty frame", ""},
  {"two frames", "1", "Msg1"},
  {"empty frames alone", "", "", ""},
  {"empty frames around others", "", "a", "", "b", ""},
  {"a NUL", "\0"},
  {"every byte", every_byte},
  {"every byte between others", "id", every_byte, "\0\0"},
  {"more than the size of a short frame", ("x"):rep(256)},
  {"10 MB", ten_megabytes},
  {"10 MB between others", "id", ten_megabytes, ""},
  {"a thousand frames", unpack(thousand)},
  {"the last", "end"},
}

local prelude = [[
import select, sys, zmq
every_byte = bytes(range(256))
ten_megabytes = every_byte * 40960
messages = [
    [b"Msg1"], [b""], [b"1", b"Msg1"], [b"", b"", b""], [b"", b"a", b"", b"b", b""], [b"\0"],
    [every_byte], [b"id", every_byte, b"\0\0"], [b"x" * 256], [ten_megabytes],
    [b"id", ten_megabytes, b""], [b"%d" % i for i in range(1, 1001)], [b"end"],
]
context = zmq.Context()

def meet(kind, **options):
    socket = context.socket(kind)
    socket.linger = socket.rcvtimeo = socket.sndtimeo = 60000
    for name, value in options.items():
        setattr(socket, name, value)
    if sys.argv[1] == "bind":
        print(socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
    else:
        socket.connect("tcp://127.0.0.1:" + sys.argv[1])
    return socket

def check(got, wanted):
    if got != wanted:
        sys.exit("got %.200r, not %.200r" % (got, wanted))

def say(text):
    print(text, flush=True)
]]

-- Starts the Python text, in which meet(zmq.KIND) gives the socket, and makes our side with
-- `make(server or client)`. `binder` is one of peer.ways. Returns the process and what `make` returns.
function peer.meet(binder, text, make)
  if binder == "zlrun" then
    local server = zeroless.Server{host = "127.0.0.1"}
    local sender, receiver = make(server)
    return support.start_python(prelude .. text, server.port), sender, receiver
  end
  local child = support.start_python(prelude .. text, "bind")
  local port = tonumber(child:expect "\n":match "^(%d+)\n")
  assert(port, child.stderr)
  return child, make(zeroless.Client():connect_local(port))
end

-- Receives a message and fails unless it is that of peer.messages[i], behind `...`.
function peer.check(receiver, i, ...)
  local wanted = {...}
  for k = 2, #peer.messages[i] do wanted[#wanted + 1] = peer.messages[i][k] end
  local got = {receiver:recv(support.patience)}
  local name = peer.messages[i][1]
  assert(#got == #wanted, ("%s: %d frames came, not %d (%s)"):format(name, #got, #wanted, tostring(got[2])))
  for k = 1, #wanted do
    assert(got[k] == wanted[k], ("%s: frame %d is another one, of %d bytes, not %d")
      :format(name, k, #tostring(got[k]), #wanted[k]))
  end
  return unpack(got)
end

-- The frames of peer.messages[i].
function peer.frames(i)
  return unpack(peer.messages[i], 2)
end

-- The process has ended by itself, content.
function peer.ended(child)
  child:wait()
  assert(child.code == 0 and child.signal == 0, child.stderr)
  return child
end

return peer
