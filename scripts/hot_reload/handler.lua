-- Hot reload, the handler: change the words below and save; the next reply has them.
-- The worker loads it: ./dev run --watch scripts/hot_reload/worker.lua
-- SPDX-License-Identifier: MIT

return function(name, number)
  return ("Hello %s, this is answer %d"):format(name, number)
end
