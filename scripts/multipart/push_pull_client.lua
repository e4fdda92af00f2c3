-- Multipart messages, the push client: pushes three messages of two frames each and ends.
-- Run it beside its server: ./dev run scripts/multipart/push_pull_client.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Client = zeroless.Client

-- Connects the client to as many servers as desired
local client = Client()
client:connect_local{port = tonumber(arg[1]) or 12345}

-- Makes a push client
-- And a function that pushes messages
local push = client:push()

-- Every argument is a frame of its own
for id, msg in ipairs{"Msg1", "Msg2", "Msg3"} do
  push(tostring(id), msg)
end
