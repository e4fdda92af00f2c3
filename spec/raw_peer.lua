-- SPDX-License-Identifier: MIT
-- Foreign peers made of bytes: a TCP server that completes ZMTP's handshake as a socket of any kind, and
-- then neither reads nor sends. What is sent to it stays in the sender, but for what the kernel takes.

local uv = require "luv"

local raw_peer = {}
raw_peer.__index = raw_peer

local greeting = "\255\0\0\0\0\0\0\0\0\127\3\0" .. "NULL" .. ("\0"):rep(48)

local function command(body)
  return "\4" .. string.char(#body) .. body
end

local function ready(kind)
  return command("\5READY\11Socket-Type\0\0\0" .. string.char(#kind) .. kind)
end

-- A listener on 127.0.0.1 (`port`: a given one). `kind`: "PULL", "REP", ...; without it, connections are
-- taken and nothing is said.
function raw_peer.listen(kind, port)
  local self = setmetatable({ listener = uv.new_tcp(), connections = {} }, raw_peer)
  assert(self.listener:bind("127.0.0.1", port or 0))
  self.port = self.listener:getsockname().port
  assert(self.listener:listen(16, function()
    local connection = uv.new_tcp()
    self.listener:accept(connection)
    self.connections[#self.connections + 1] = connection
    if kind then connection:write(greeting .. ready(kind)) end
  end))
  return self
end

-- Ends all connections and listens no more.
function raw_peer:close()
  for _, handle in ipairs { self.listener, unpack(self.connections) } do
    if not handle:is_closing() then handle:close() end
  end
end

return raw_peer
