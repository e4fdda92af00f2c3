-- SPDX-License-Identifier: MIT
-- The log for scripts: log.info("message", {field = value}), log.level = "debug", log.handler(f).

local core = require "zeroless.core"

local log = {}
local levels = { "debug", "info", "warn", "error" }

for i, name in ipairs(levels) do
  log[name] = function(message, fields)
    if type(message) ~= "string" then
      error(("a log message must be a string, not a %s"):format(type(message)), 2)
    end
    if fields ~= nil and type(fields) ~= "table" then
      error(("fields must be a table, as in {name = value}, not a %s"):format(type(fields)), 2)
    end
    return core.log(i - 1, message, fields, 1) -- tail call: errors name the caller's line
  end
end

-- Calls f(record) for every further record of the script and the host, in place of writing it to standard
-- error; nil restores standard error. A record has time, level, message, source and fields.
function log.handler(f)
  if f ~= nil and type(f) ~= "function" then
    error(("log.handler takes a function or nil, not a %s"):format(type(f)), 2)
  end
  core.log_handler(f)
end

local properties = {}

function properties.__index(_, name)
  if name == "level" then return core.log_level() end
end

function properties.__newindex(_, name, value)
  if name ~= "level" then error(("log has no property '%s' to set"):format(tostring(name)), 2) end
  if type(value) ~= "string" or not core.set_log_level(value) then
    error("log.level must be debug, info, warn, error or silent", 2)
  end
end

return setmetatable(log, properties)
