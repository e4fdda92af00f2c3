-- SPDX-License-Identifier: MIT
-- Findings with what they must be. A job fills a list of rows: {what, value, most = N or least = N;
-- loose: a time, which a busy machine may spoil}.

local zeroless = require "zeroless"

local rows = {}

rows.nothing = { most = 0 }

function rows.add(list, what, value, bounds)
  local row = { what = what, value = value }
  for key, bound in pairs(bounds or {}) do row[key] = bound end
  list[#list + 1] = row
  return row
end

-- What the peers found.
function rows.add_losses(list, found, bounds)
  rows.add(list, "messages", found.messages)
  for _, what in ipairs { "lost", "repeated", "reordered", "disconnects" } do
    rows.add(list, what, found[what], bounds)
  end
  rows.add(list, "longest silence, s", found.gap)
end

function rows.is_good(row)
  return (not row.most or row.value <= row.most) and (not row.least or row.value >= row.least)
end

function rows.show(row)
  local aim = row.most and (row.most == 0 and "0" or "<= " .. row.most) or row.least and ">= " .. row.least or ""
  local value = row.value % 1 == 0 and ("%d"):format(row.value) or ("%.3f"):format(row.value)
  return ("  %-52s %14s  %-9s %s"):format(row.what, value, aim, rows.is_good(row) and "" or "FAILED")
end

-- Runs a job with a fresh list and prints its rows. Returns how many are not as they must be.
function rows.report(name, job, ...)
  local list, failed, begun = {}, 0, zeroless.now()
  local ok, err = pcall(job, list, ...)
  print(("%s (%.1f s)"):format(name, zeroless.now() - begun))
  for _, row in ipairs(list) do
    print(rows.show(row))
    if not rows.is_good(row) then failed = failed + 1 end
  end
  if not ok then
    failed = failed + 1
    print("  FAILED: " .. tostring(err))
  end
  return failed
end

-- Of numbers: the one below which `share` of them are.
function rows.quantile(values, share)
  table.sort(values)
  return values[math.max(1, math.ceil(#values * share))] or 0
end

return rows
