-- SPDX-License-Identifier: MIT
-- How much the two forms of the soak do.

return {
  long = {
    is_long = true, messages = 10000000, reloads = 1000, rate = 2000, restarts = 20, timed = 200,
    many = 10000, seconds = 5, saves = 100, poisoned = 100, rounds = 100,
  },
  short = {
    messages = 200000, reloads = 50, rate = 1000, restarts = 2, timed = 10,
    many = 200, seconds = 0.5, saves = 5, poisoned = 5, rounds = 6,
  },
}
