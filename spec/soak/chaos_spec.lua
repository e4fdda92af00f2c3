-- SPDX-License-Identifier: MIT
-- The generator of the chaos itself: what a seed gives, and that a failure is seen.

local support = require "spec.support"
local plan = require "spec.soak.chaos.plan"
local trial = require "spec.soak.chaos.trial"
local uv = require "luv"

local words = setmetatable({}, { __index = function(_, word) return word == "DIR" and "/tmp/chaos" or "12345" end })

-- A plan of these pieces alone.
local function plan_of(...)
  local made = plan.new(1)
  made.parts, made.kept, made.versions, made.life, made.drain, made.prompt = {}, {}, 1, 0.2, 0.2, false
  for i, text in ipairs { ... } do
    made.parts[i] = { kind = "piece", text = text, versions = { true } }
    made.kept[i] = true
  end
  return made
end

local function verdict_of(host, ...)
  local run = trial.run(plan_of(...), host, words)
  if run.verdict then os.execute(("rm -rf '%s'"):format(run.folder)) end
  return run.verdict
end

-- The host ends a script that does not end, so it takes another program to see that it is found out.
local function deaf_host()
  local path = support.file("#!/bin/sh\ntrap '' TERM\necho 'chaos: started 1'\nexec sleep 60\n", "host")
  assert(uv.fs_chmod(path, tonumber("755", 8)))
  return path
end

describe("the chaos", function()
  it("makes the same script from the same seed, and another one from another", function()
    assert.equal(plan.new(42):text(1, words), plan.new(42):text(1, words))
    assert.not_equal(plan.new(42):text(1, words), plan.new(43):text(1, words))
  end)

  it("makes scripts that compile, but for the broken ones", function()
    for seed = 1, 300 do
      local made = plan.new(seed)
      for version = 1, made.versions do
        local text = made:text(version, words)
        local f, err = loadstring(text)
        assert(f or text:find("\nif then\n", 1, true), err)
      end
    end
  end)

  it("leaves parts out", function()
    local made = plan.new(5)
    local all = made:numbers()
    assert.same({ all[1], all[#all] }, made:only({ all[1], all[#all] }):numbers())
    assert.same(all, made:numbers())
  end)

  it("has nothing to say of a script that ends as it must", function()
    assert.is_nil(verdict_of(support.host, "zeroless.sleep(1000)"))
    local failing = plan_of "error 'chaos: at once'"
    failing.life = 30 -- it ends long before, and is not told to
    assert.is_nil(trial.run(failing, support.host, words).verdict)
  end)

  it("sees a signal, a strange exit code, wrong frames, an end that does not come", function()
    assert.equal("signal 6", verdict_of(support.host, "require 'luv'.kill(require 'luv'.os_getpid(), 'sigabrt')"))
    assert.equal("exit code 99", verdict_of(support.host, "os.exit(99)"))
    assert.equal("wrong frames", verdict_of(support.host, "check('name', 'name', '1', 'other')"))
    assert.equal("hangs", verdict_of(deaf_host(), ""))
    assert.equal("did not start", verdict_of("/bin/false"))
  end)
end)
