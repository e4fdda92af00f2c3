-- SPDX-License-Identifier: MIT
-- The short form of ./dev soak close: closes with and without unsent messages, around the drain time.

local support = require "spec.support"
local close = require "spec.soak.close"
local rows = require "spec.soak.rows"

local seed = tonumber(os.getenv "ZLRUN_SOAK_SEED") or os.time()

describe(("closes at every offset around the drain time (ZLRUN_SOAK_SEED=%d):"):format(seed), function()
  it("descriptors and ports come back, and every loss is told in time", function()
    local list = {}
    close.job(list, { count = 300, seed = seed, drain = 0.2, host = support.host })
    assert(#list > 0)
    for _, row in ipairs(list) do assert(rows.is_good(row), rows.show(row)) end
  end)
end)
