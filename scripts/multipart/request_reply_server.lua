-- Multipart messages, the reply server: prints each request and sends its frames back, until Ctrl-C.
-- Run it: ./dev run scripts/multipart/request_reply_server.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Server = zeroless.Server

-- Binds the reply server to port 12345
-- And makes a function and an iterator
-- To both transmit and wait for incoming messages
local reply, listen_for_request = Server{port = tonumber(arg[1]) or 12345}:reply()

for id, msg in listen_for_request do
  print(id, " - ", msg)
  reply(id, msg)
end
