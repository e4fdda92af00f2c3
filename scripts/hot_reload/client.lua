-- Hot reload, the client: sends requests without end; prints each reply that differs, and the longest wait.
-- Run it beside the worker: ./dev run scripts/hot_reload/client.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Client = zeroless.Client

-- Connects the client to as many servers as desired
local client = Client():connect_local{port = tonumber(arg[1]) or 12345}

-- Makes a request client
-- And a function and an iterator
-- To both transmit and wait for incoming messages
local request, listen_for_reply = client:request()

local asked, longest, last = 0, 0, nil

-- Reports every second
zeroless.every(1, function()
  print(("%d answers, the longest wait was %.1f ms"):format(asked, longest * 1000))
  longest = 0
end)

while true do
  local begun = zeroless.now()
  request("you")
  local answer = listen_for_reply()
  if not answer then break end
  asked, longest = asked + 1, math.max(longest, zeroless.now() - begun)
  local words = answer:gsub("%d+", "...")
  if words ~= last then print(answer) end
  last = words
  zeroless.sleep(0.001)
end
