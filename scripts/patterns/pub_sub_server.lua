-- Publisher-subscriber, the server: publishes three messages under the topic 'sh' and ends.
-- Run it: ./dev run scripts/patterns/pub_sub_server.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Server = zeroless.Server

-- Binds the publisher server to port 12345
-- And makes a function that publishes messages with the topic 'sh'
local pub = Server{port = tonumber(arg[1]) or 12345}:pub{topic = "sh", embed_topic = true}

-- Messages published before a subscriber is there are dropped: waits for the first one
pub:wait_subscribers(1)

for _, msg in ipairs{"Msg1", "Msg2", "Msg3"} do
  pub(msg)
end
