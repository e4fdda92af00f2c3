-- Hot reload, the handler: change the words below, save, and see the next answer change.
-- It is a part of: ./dev run --watch scripts/hot_reload/worker.lua
-- SPDX-License-Identifier: MIT

return function(name, number)
  return ("Hello %s, this is answer %d"):format(name, number)
end
