-- SPDX-License-Identifier: MIT
-- The public module; its reference is docs/api.md.

local core = require "zeroless.core"
local task = require "zeroless.task"

require "zeroless.sender"
require "zeroless.receiver"
require "zeroless.state"
core.engage()

return {
  Server = core.Server,
  Client = core.Client,
  log = require "zeroless.log",
  spawn = task.spawn,
  sleep = task.sleep,
  every = task.every,
  after = task.after,
  now = task.now,
  stop = task.stop,
  on_stop = task.on_stop,
  on_reload = task.on_reload,
  watch = core.watch,
  state = {},
  generation = core.generation,
}
