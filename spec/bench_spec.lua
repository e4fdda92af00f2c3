-- SPDX-License-Identifier: MIT
-- The benchmarks run, and their figures are sane. How fast anything is, is none of this file's business.

local cjson = require "cjson"
local support = require "spec.support"

local runner = support.root .. "/bench/run.lua"

local function bench(...)
  return support.run_host { runner, ... }
end

local function all_names()
  local names = {}
  for name in bench("--list").stdout:gmatch "([%w-]+) [^\n]*\n" do names[#names + 1] = name end
  return names
end

local function assert_sane(summary)
  for _, field in ipairs { "median", "min", "max", "q1", "q3" } do
    local value = summary[field]
    assert.is_true(value > 0 and value < math.huge, field .. " is " .. tostring(value))
  end
  assert.is_true(summary.min <= summary.median and summary.median <= summary.max)
end

local function assert_sane_row(row)
  assert_sane(row.base)
  assert_sane(row.script)
  assert_sane(row.ratio)
end

describe("bench/run.lua", function()
  it("knows jobs for each transport and pattern", function()
    local names = table.concat(all_names(), " ")
    for _, name in ipairs { "tcp-16", "ipc-16", "inproc-16", "trip", "pub-100", "tasks-100000", "start" } do
      assert.truthy(names:find(name, 1, true))
    end
  end)

  for _, name in ipairs(all_names()) do
    it("runs " .. name, function()
      local child = bench(name, "--quick", "--json")
      assert.equal(0, child.code, child.stderr)
      local report = cjson.decode(child.stdout)
      assert.equal(1, #report.jobs)
      local job = report.jobs[1]
      assert.equal(name, job.name)
      assert.is_true(job.messages >= 1)
      assert.is_true(#job.rows >= 1)
      for _, row in ipairs(job.rows) do assert_sane_row(row) end
      if job.cpu then assert_sane_row(job.cpu) end
    end)
  end

  it("prints a table with one line a measure", function()
    local child = bench("inproc-16", "--quick")
    assert.equal(0, child.code, child.stderr)
    assert.truthy(child.stdout:find "\ninproc%-16 +floor +[%d.]+ %l+ +[%d.]+ %l+ +[%d.]+ ")
  end)

  it("shows progress on standard error alone", function()
    local child = bench("inproc-16", "--quick", "--json")
    assert.truthy(child.stderr:find("[1/1]", 1, true))
    assert.is_nil(child.stdout:find("[1/1]", 1, true))
  end)

  it("refuses what it does not know", function()
    for _, word in ipairs { "no-such-job", "--no-such-option" } do
      local child = bench(word)
      assert.equal(2, child.code)
      assert.truthy(child.stderr:find(word, 1, true))
    end
  end)

  it("takes a whole number of pairs", function()
    assert.equal(2, bench("inproc-16", "--pairs", "0").code)
    assert.equal(2, bench("inproc-16", "--pairs", "many").code)
    assert.equal(2, bench("inproc-16", "--pairs").code)
  end)

  it("says so when a program of a job fails", function()
    local env = { ZLRUN_PYTHON = "/bin/false" }
    local child = support.run_host { env = env, runner, "pyzmq-tcp-16", "--quick" }
    assert.equal(1, child.code)
    assert.truthy(child.stderr:find("/bin/false", 1, true))
  end)
end)
