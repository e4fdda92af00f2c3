-- Multipart messages, the pair client: sends three messages of two frames each, prints what comes back, ends.
-- Run it beside its server: ./dev run scripts/multipart/pair_client.lua [PORT]
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

for id, msg in ipairs{"Msg1", "Msg2", "Msg3"} do
  pair(tostring(id), msg)
  local reply_id, response = listen_for_pair()
  print(reply_id, " - ", response)
end
