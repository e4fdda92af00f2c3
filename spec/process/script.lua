-- SPDX-License-Identifier: MIT
-- Scripts in processes of their own, with the names of zeroless at hand: what the specs of the end share.

local support = require "spec.support"
local Client = require "zeroless".Client

local script = {}

-- On the first line of every script, so that its other lines keep their numbers.
local prelude = [[local zeroless = require "zeroless" io.stdout:setvbuf "no" ]]
  .. [[local Server, Client = zeroless.Server, zeroless.Client ]]

-- Starts the text as a script, under a host with these options.
function script.start(text, ...)
  local arguments = { ... }
  arguments[#arguments + 1] = support.file(prelude .. text)
  return support.start_host(arguments)
end

-- The same, with `server` at the endpoint.
function script.start_server(endpoint, text, ...)
  return script.start(("local server = Server { endpoint = %q } "):format(endpoint) .. text, ...)
end

-- The same, with a `pull` of its own. Also returns a push to it, and the push's client.
function script.start_worker(text, ...)
  local endpoint = "ipc://" .. support.folder() .. "/worker.sock"
  local client = Client():connect(endpoint)
  local child = script.start(("local pull = Server { endpoint = %q }:pull() "):format(endpoint) .. text, ...)
  return child, client:push(), client
end

return script
