-- SPDX-License-Identifier: MIT
-- Foreign sockets of every kind in one Python process, made on request: what they receive is counted, a REP
-- and a ROUTER give back what came, with the envelope of REQ.

local support = require "spec.support"

local kinds = {}
kinds.__index = kinds

kinds.names = { "PUSH", "PULL", "PUB", "SUB", "XPUB", "XSUB", "REQ", "REP", "DEALER", "ROUTER", "PAIR" }

-- Which kinds the sender or receiver of a pattern can talk to.
kinds.right = {
  push = { PULL = true }, pub = { SUB = true, XSUB = true }, sub = { PUB = true, XPUB = true },
  request = { REP = true, ROUTER = true }, pair = { PAIR = true },
}

-- Lua text that gives a script await_line(), which waits for a line on its standard input and lets all else
-- go on.
kinds.await_line = [[
local await_line
do
  local lines, input = 0, require "luv".new_pipe(false)
  input:open(0)
  input:read_start(function(_, data)
    if data then lines = lines + select(2, data:gsub("\n", "")) else input:close() end
  end)
  function await_line()
    while lines == 0 do zeroless.sleep(0.005) end
    lines = lines - 1
  end
end
]]

local text = [=[
import sys, threading, zmq

context = zmq.Context()
sockets, counts, odd = [], [], []
poller = zmq.Poller()

def say(*words):
    print("ok", *words, flush=True)

def make(kind):
    socket = context.socket(getattr(zmq, kind))
    socket.linger = 0
    if kind == "SUB":
        socket.subscribe(b"")
    sockets.append((kind, socket))
    counts.append(0)
    odd.append(0)
    if kind not in ("PUSH", "PUB"):
        poller.register(socket, zmq.POLLIN)
    return socket

def bind(kind, endpoint):
    socket = make(kind)
    socket.bind(endpoint)
    say(len(sockets) - 1, socket.last_endpoint.decode().rstrip("\0"))

def connect(kind, endpoint):
    make(kind).connect(endpoint)
    if kind == "XSUB":
        sockets[-1][1].send(b"\1")
    say(len(sockets) - 1)

def count(number):
    say(counts[int(number)], odd[int(number)])

def queue(front_at, back_at):
    front, back = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    front.bind(front_at)
    back.bind(back_at)
    threading.Thread(target=zmq.proxy, args=(front, back), daemon=True).start()
    say(front.last_endpoint.decode().rstrip("\0"), back.last_endpoint.decode().rstrip("\0"))

def receive(number):
    kind, socket = sockets[number]
    message = socket.recv_multipart(zmq.NOBLOCK)
    if kind == "XPUB" and message[0][:1] in (b"\0", b"\1"):
        return
    counts[number] += 1
    if kind == "REP":
        socket.send_multipart(message)
    elif kind == "ROUTER":
        if len(message) == 3 and message[1] == b"":
            socket.send_multipart(message)
        else:
            odd[number] += 1

lines = context.socket(zmq.PAIR)
lines.bind("inproc://lines")
poller.register(lines, zmq.POLLIN)

def read():
    out = context.socket(zmq.PAIR)
    out.connect("inproc://lines")
    for line in sys.stdin:
        out.send_string(line)
    out.send_string("")

threading.Thread(target=read, daemon=True).start()
commands = {"bind": bind, "connect": connect, "count": count, "queue": queue}
while True:
    ready = dict(poller.poll())
    for number in range(len(sockets)):
        if sockets[number][1] in ready:
            receive(number)
    if lines in ready:
        words = lines.recv_string().split()
        if not words:
            break
        commands[words[0]](*words[1:])
import os
os._exit(0)
]=]

function kinds.start()
  return setmetatable({ child = support.start_python(text), answers = 0 }, kinds)
end

-- Gives a command and returns the words of its answer.
function kinds:ask(...)
  self.child:write(table.concat({ ... }, " ") .. "\n")
  self.answers = self.answers + 1
  local answer
  support.eventually(function()
    local i = 0
    for line in self.child.stdout:gmatch "ok ?([^\n]*)\n" do
      i = i + 1
      if i == self.answers then answer = line end
    end
    return answer or self.child.code
  end, "the answer to " .. table.concat({ ... }, " "))
  local words = {}
  for word in assert(answer, self.child.stderr):gmatch "%S+" do words[#words + 1] = word end
  return unpack(words)
end

-- Messages that socket number n has received, and those of a ROUTER that had not REQ's envelope.
function kinds:count(n)
  local count, odd = self:ask("count", n)
  return tonumber(count), tonumber(odd)
end

function kinds:stop()
  self.child:wait()
end

-- An address to bind: of tcp a free port.
function kinds.address(transport)
  if transport == "tcp" then return "tcp://127.0.0.1:*" end
  return ("ipc://%s/%s"):format(support.folder(), "s")
end

return kinds
