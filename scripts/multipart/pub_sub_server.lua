-- Multipart messages, the publisher: publishes three messages of three frames each and ends.
-- Run it: ./dev run scripts/multipart/pub_sub_server.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Server = zeroless.Server

-- Binds the publisher server to port 12345
-- And makes a function that publishes messages, with the topic 'sh' as their first frame
local pub = Server{port = tonumber(arg[1]) or 12345}:pub{topic = "sh", embed_topic = true}

-- Messages published before a subscriber is there are dropped: waits for the first one
pub:wait_subscribers(1)

for id, msg in ipairs{"Msg1", "Msg2", "Msg3"} do
  pub(tostring(id), msg)
end
