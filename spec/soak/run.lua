-- SPDX-License-Identifier: MIT
-- Runs the long form of the soak and prints its findings: ./dev soak reload [JOB...] [options]. The short
-- form is soak_spec.lua.

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

local function misuse(text)
  io.stderr:write(text, "\n", usage)
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

if arg[1] == "stop" then
  local soak = require "spec.soak.stop"
  io.stdout:setvbuf "line"
  if arg[2] == "--help" then
    io.write(soak.usage)
    os.exit(0)
  end
  os.exit(soak.main(arg, misuse) == 0 and 0 or 1)
end
if arg[1] ~= "reload" then misuse "which soak? There are: reload stop" end
local size, seed, chosen = read_options(arg)
io.stdout:setvbuf "line"
print("seed " .. seed)
local failed = 0
for _, name in ipairs(chosen) do
  local list, begun = {}, zeroless.now()
  local ok, err = pcall(jobs[name], list, size, seed)
  print(("%s (%.1f s)"):format(name, zeroless.now() - begun))
  for _, row in ipairs(list) do
    print(rows.show(row))
    if not rows.is_good(row) then failed = failed + 1 end
  end
  if not ok then
    failed = failed + 1
    print("  FAILED: " .. tostring(err))
  end
end
print(failed == 0 and "all as it must be" or failed .. " not as it must be")
zeroless.stop(failed == 0 and 0 or 1)
