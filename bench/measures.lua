-- SPDX-License-Identifier: MIT
-- What is read off a run, how it is shown, and the statistics of many runs.

local measures = {
  rate = {
    title = "", unit = "msg/s", better = "higher",
    value = function(run) return run.messages / run.seconds end,
  },
  each = {
    title = "", unit = "s", better = "lower",
    value = function(run) return run.seconds / run.messages end,
  },
  bytes = { title = "", unit = "B", better = "lower", value = function(run) return run.bytes end },
  p50 = { title = "p50", unit = "s", better = "lower", value = function(run) return run.p50 end },
  p99 = { title = "p99", unit = "s", better = "lower", value = function(run) return run.p99 end },
  p999 = { title = "p99.9", unit = "s", better = "lower", value = function(run) return run.p999 end },
  -- Seconds of all processors, for a million messages.
  cpu = {
    title = "cpu", unit = "s/M", better = "lower",
    value = function(run) return run.cpu / run.messages * 1e6 end,
  },
}

-- The value below which a `part` of the values lies, between two of them where need be.
local function quantile(sorted, part)
  local place = 1 + (#sorted - 1) * part
  local below = math.floor(place)
  local above = sorted[below + 1] or sorted[below]
  return sorted[below] + (above - sorted[below]) * (place - below)
end

-- {median, min, max, q1, q3, values} of some numbers.
function measures.summary(values)
  local sorted = { unpack(values) }
  table.sort(sorted)
  return {
    median = quantile(sorted, 0.5), q1 = quantile(sorted, 0.25), q3 = quantile(sorted, 0.75),
    min = sorted[1], max = sorted[#sorted], values = values,
  }
end

-- Compares the runs of two sides, which belong together in pairs: {base, script, ratio, ...}.
function measures.compare(name, base_runs, script_runs)
  local measure = measures[name]
  local base, script, ratio = {}, {}, {}
  for i = 1, #base_runs do
    base[i], script[i] = measure.value(base_runs[i]), measure.value(script_runs[i])
    ratio[i] = script[i] / base[i]
  end
  return {
    measure = name, unit = measure.unit, better = measure.better, base = measures.summary(base),
    script = measures.summary(script), ratio = measures.summary(ratio),
  }
end

local scales = {
  ["msg/s"] = { { 1e6, "M/s" }, { 1e3, "k/s" }, { 1, "/s" } },
  s = { { 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" }, { 1e-9, "ns" } },
}

-- A value for people: 3.71 M/s, 41.2 us.
function measures.show(value, unit)
  for _, scale in ipairs(scales[unit] or { { 1, unit } }) do
    local shown = value / scale[1]
    if shown >= 1 or not scales[unit] then
      return (shown >= 100 and "%.0f %s" or shown >= 10 and "%.1f %s" or "%.2f %s"):format(shown, scale[2])
    end
  end
  return ("%.3g %s"):format(value, unit)
end

return measures
