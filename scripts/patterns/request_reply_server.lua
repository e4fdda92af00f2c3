-- Request-reply, the server: prints each request and replies with the same, until Ctrl-C.
-- Run it: ./dev run scripts/patterns/request_reply_server.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Server = zeroless.Server

-- Binds the reply server to port 12345
-- And makes a function and an iterator
-- To both transmit and wait for incoming messages
local reply, listen_for_request = Server{port = tonumber(arg[1]) or 12345}:reply()

for msg in listen_for_request do
  print(msg)
  reply(msg)
end
