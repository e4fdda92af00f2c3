-- Publisher-subscriber, the client: prints what is published under the topic 'sh', until Ctrl-C.
-- Run it beside its server, any number of times: ./dev run scripts/patterns/pub_sub_client.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Client = zeroless.Client

-- Connects the client to as many servers as desired
local client = Client()
client:connect_local{port = tonumber(arg[1]) or 12345}

-- Makes a subscriber client
-- And an iterator that waits for incoming messages with the topic 'sh'
local listen_for_pub = client:sub{topics = {"sh"}}

for topic, msg in listen_for_pub do
  print(topic, " - ", msg)
end
