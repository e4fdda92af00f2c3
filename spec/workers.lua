-- SPDX-License-Identifier: MIT
-- What the specs of reloading share: a worker from Lua text in a process of its own, its saves and reloads.

local assert = require "luassert"
local support = require "spec.support"

local workers = {}

-- Starts a host with a worker made from Lua text, which finds the further arguments in arg[]; `options` are
-- the host's. It has said that it is ready when this returns.
function workers.start(text, options, ...)
  local path = support.file(text)
  local command = { "--log-format", "logfmt" }
  for _, option in ipairs(options) do command[#command + 1] = option end
  command[#command + 1] = path
  for _, argument in ipairs { ... } do command[#command + 1] = argument end
  local worker = support.start_host(command)
  worker.path = path
  worker:expect "Ready..."
  return worker
end

-- Saves another text as the worker's script.
function workers.save(worker, text)
  local file = assert(io.open(worker.path .. "~", "w"))
  assert(file:write(text))
  file:close()
  assert(os.rename(worker.path .. "~", worker.path))
end

function workers.count(text, wanted)
  local n = 0
  for _ in text:gmatch(wanted) do n = n + 1 end
  return n
end

-- Asks for a reload; the next one that ends well is number `n`.
function workers.reload(worker, n)
  worker:kill "sighup"
  support.eventually(function()
    return worker.code or workers.count(worker.stderr, "msg=reloaded") >= n
  end, ("reload %d\n%s"):format(n, worker.stderr))
  assert.is_nil(worker.code, worker.stderr)
end

-- Asks for a reload, and waits until it is said to wait for a task.
function workers.parking(worker)
  worker:kill "sighup"
  worker:expect "the reload waits"
end

-- Ends the worker in good order.
function workers.stop(worker)
  worker:kill "sigterm"
  worker:wait()
  assert.are.equal(0, worker.code, worker.stderr)
  assert.are.equal(0, worker.signal)
end

return workers
