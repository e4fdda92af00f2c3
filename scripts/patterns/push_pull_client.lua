-- Push-pull, the client: pushes three messages and ends. Several may push to one server.
-- Run it beside its server: ./dev run scripts/patterns/push_pull_client.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Client = zeroless.Client

-- Connects the client to as many servers as desired
local client = Client()
client:connect_local{port = tonumber(arg[1]) or 12345}

-- Makes a push client
-- And a function that pushes messages
local push = client:push()

for _, msg in ipairs{"Msg1", "Msg2", "Msg3"} do
  push(msg)
end
