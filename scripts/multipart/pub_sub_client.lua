-- Multipart messages, the subscriber: prints the topic and the frames of each message, until Ctrl-C.
-- Run it beside its server: ./dev run scripts/multipart/pub_sub_client.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Client = zeroless.Client

-- Connects the client to as many servers as desired
local client = Client()
client:connect_local{port = tonumber(arg[1]) or 12345}

-- Makes a subscriber client
-- And an iterator that waits for incoming messages with any topic
local listen_for_pub = client:sub()

-- The topic is the first frame
for topic, id, msg in listen_for_pub do
  print(topic, " - ", id, " - ", msg)
end
