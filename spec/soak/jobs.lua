-- SPDX-License-Identifier: MIT
-- The jobs of the soak by name. Each is given a list, the sizes of a run and its seed, and adds rows of
-- findings to the list.

local jobs = { names = { "stream", "dialogue", "echo", "restart", "poison", "chain", "saves", "times", "many" } }

for _, part in ipairs { "under_load", "failing", "files", "measured" } do
  for name, job in pairs(require("spec.soak." .. part)) do jobs[name] = job end
end

return jobs
