-- Pair, the server: prints what its one peer sends and sends it back, until Ctrl-C.
-- Run it: ./dev run scripts/patterns/pair_server.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Server = zeroless.Server

-- Binds the pair server to port 12345
-- And makes a function and an iterator
-- To both transmit and wait for incoming messages
local pair, listen_for_pair = Server{port = tonumber(arg[1]) or 12345}:pair()

for msg in listen_for_pair do
  print(msg)
  pair(msg)
end
