-- Pair, the client: sends three messages, prints what comes back, ends.
-- Run it beside its server: ./dev run scripts/patterns/pair_client.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Client = zeroless.Client

-- Connects the client to a single server
local client = Client()
client:connect_local{port = tonumber(arg[1]) or 12345}

-- Makes a pair client
-- And a function and an iterator
-- To both transmit and wait for incoming messages
local pair, listen_for_pair = client:pair()

for _, msg in ipairs{"Msg1", "Msg2", "Msg3"} do
  pair(msg)
  local response = listen_for_pair()
  print(response)
end
