-- SPDX-License-Identifier: MIT
-- A requester and a replier that are connected: dialogue(options of the request) returns request, replies,
-- reply, requests.

local zeroless = require "zeroless"

return function(options)
  local server = zeroless.Server { host = "127.0.0.1" }
  local reply, requests = server:reply()
  local request, replies = zeroless.Client():connect_local(server.port):request(options)
  return request, replies, reply, requests
end
