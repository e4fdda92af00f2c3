-- Hot reload, the worker: answers each request with handler.lua. Edit and save handler.lua while it runs.
-- Run it: ./dev run --watch scripts/hot_reload/worker.lua [PORT]
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Server = zeroless.Server

-- Looks for the handler beside this script
package.path = (arg[0]:match "^(.*)/" or ".") .. "/?.lua;" .. package.path
local handle = require "handler"

-- A reload hands zeroless.state over to the next version
local state = zeroless.state
state.answered = state.answered or 0

-- Binds the reply server to port 12345
-- And makes a function and an iterator
-- To both transmit and wait for incoming messages
local reply, listen_for_request = Server{port = tonumber(arg[1]) or 12345}:reply()

for name in listen_for_request do
  state.answered = state.answered + 1
  reply(handle(name, state.answered))
end
