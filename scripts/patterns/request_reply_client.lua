-- Request-reply, the client: sends three requests, prints each reply, ends.
-- Run it beside its server: ./dev run scripts/patterns/request_reply_client.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Client = zeroless.Client

-- Connects the client to as many servers as desired
local client = Client()
client:connect_local{port = tonumber(arg[1]) or 12345}

-- Makes a request client
-- And a function and an iterator
-- To both transmit and wait for incoming messages
local request, listen_for_reply = client:request()

for _, msg in ipairs{"Msg1", "Msg2", "Msg3"} do
  request(msg)
  local response = listen_for_reply()
  print(response)
end
