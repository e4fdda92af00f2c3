-- Multipart messages, the pull server: prints the frames of each message, until Ctrl-C.
-- Run it: ./dev run scripts/multipart/push_pull_server.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Server = zeroless.Server

-- Binds the pull server to port 12345
-- And makes an iterator that waits for incoming messages
local listen_for_push = Server{port = tonumber(arg[1]) or 12345}:pull()

-- Every frame is a value of its own
for id, msg in listen_for_push do
  print(id, " - ", msg)
end
