-- SPDX-License-Identifier: MIT
-- The short form of the soak: a worker that foreign peers keep busy is reloaded over and over. Times are
-- for the long form, ./dev soak reload.

local support = require "spec.support"
local jobs = require "spec.soak.jobs"
local rows = require "spec.soak.rows"
local sizes = require "spec.soak.sizes"

support.patience = 180 -- a peer that misses something gives up after 60 s without a message (peers.py)

local seed = tonumber(os.getenv "ZLRUN_SOAK_SEED") or os.time()

local titles = {
  stream = "push and pull: each message once and in order, whatever is saved meanwhile",
  dialogue = "request and reply: each question gets its answer, from code that serves",
  echo = "pub and sub at a fixed rate: nothing is missed",
  restart = "stopping and starting: the peers see it",
  poison = "messages that crash their handler are set aside, the others come through in order",
  chain = "no message meets two versions of a module",
  saves = "each save is one reload, however it is made",
  times = "a reload is timed from the save to the first answer",
  many = "reloads leave no descriptor and no thread behind",
}

describe(("a worker under load (ZLRUN_SOAK_SEED=%d):"):format(seed), function()
  for _, name in ipairs(jobs.names) do
    it(titles[name], function()
      local list = {}
      jobs[name](list, sizes.short, seed)
      assert(#list > 0)
      for _, row in ipairs(list) do
        assert(row.loose or rows.is_good(row), rows.show(row))
      end
    end)
  end
end)

