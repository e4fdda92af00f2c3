-- SPDX-License-Identifier: MIT
-- Runs a soak and prints its findings: ./dev soak reload [JOB...] [options], or another NAME. The short form
-- of reload is soak_spec.lua.

local support = require "spec.support"
local zeroless = require "zeroless"
local jobs = require "spec.soak.jobs"
local rows = require "spec.soak.rows"
local sizes = require "spec.soak.sizes"

support.patience = 300

local usage = [[
usage: ./dev soak reload [JOB...] [options]

  JOB             one of: ]] .. table.concat(jobs.names, " ") .. "\n" .. [[
  --short         the sizes of ./dev test
  --messages N    messages of stream and dialogue together (default 10000000)
  --reloads N     reloads among them, good and bad (default 1000)
  --many N        reloads of a small worker (default 10000)
  --saves N       saves of each kind (default 100)
  --seed N        of the order of good and bad (default: the time)
]]

-- The other soaks: each has main(arg, misuse), which returns how many things are not as they must be.
local others = { "stop", "chaos", "restarts", "close" }

local function misuse(text, its_usage)
  io.stderr:write(text, "\n", its_usage or usage)
  os.exit(2)
end

local function read_options(words)
  local size, seed, chosen = sizes.long, os.time(), {}
  local i = 2
  while words[i] do
    local name = words[i]:match "^%-%-(%a+)$"
    if name == "help" then
      io.write(usage)
      os.exit(0)
    elseif name == "short" then
      size = sizes.short
    elseif name then
      i = i + 1
      local number = tonumber(words[i])
      if not number or number < 1 or number % 1 ~= 0 then misuse(("--%s takes a whole number"):format(name)) end
      if name == "seed" then
        seed = number
      elseif size[name] then
        size[name] = number
      else
        misuse("unknown option --" .. name)
      end
    elseif jobs[words[i]] then
      chosen[#chosen + 1] = words[i]
    else
      misuse("no job is called " .. words[i])
    end
    i = i + 1
  end
  return size, seed, #chosen > 0 and chosen or jobs.names
end

io.stdout:setvbuf "line"
for _, name in ipairs(others) do
  if arg[1] == name then
    local soak = require("spec.soak." .. name)
    if arg[2] == "--help" then
      io.write(soak.usage)
      os.exit(0)
    end
    local failed = soak.main(arg, misuse)
    os.exit(failed == 0 and 0 or 1)
  end
end
if arg[1] ~= "reload" then misuse("which soak? There are: reload " .. table.concat(others, " ")) end
local size, seed, chosen = read_options(arg)
print("seed " .. seed)
local failed = 0
for _, name in ipairs(chosen) do
  failed = failed + rows.report(name, jobs[name], size, seed)
end
print(failed == 0 and "all as it must be" or failed .. " not as it must be")
zeroless.stop(failed == 0 and 0 or 1)
