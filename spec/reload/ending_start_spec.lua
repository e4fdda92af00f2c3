-- SPDX-License-Identifier: MIT
-- os.exit and zeroless.stop in the start of new code: the attempt ends, what serves does not.

local worker = require "spec.reload.worker"

local serve = [[
for message in Server { endpoint = "ipc://w.sock" }:pull() do print(zeroless.generation .. " " .. message) end]]

local calls = {
  ["os.exit"] = { "os.exit(3)", "os.exit(true)", "pcall(os.exit, 3) while false do end",
    "local pull = Server { endpoint = 'ipc://w.sock' }:pull() os.exit()",
    "coroutine.wrap(function() os.exit(3) end)()" },
  ["zeroless.stop"] = { "zeroless.stop()", "zeroless.stop(3)", "pcall(zeroless.stop)" },
}

for call, texts in pairs(calls) do
  describe(call .. " in the start of new code", function()
    for _, text in ipairs(texts) do
      it("fails the reload and ends nothing: " .. text, function()
        local w = worker.start { serve }
        w:told "Ready..."
        local push = w:client():push()
        for i = 1, 10 do push(tostring(i)) end
        local attempt = w:reload(text .. "\n" .. serve)
        assert.equal("reload failed; still serving generation 1", attempt.msg)
        assert.equal("worker.lua:1: " .. call .. " was called while new code was starting; this aborts only the reload",
          attempt.error)
        for i = 11, 100 do push(tostring(i)) end
        w:expect "1 100\n"
        assert.equal("reloaded", w:reload(serve .. " ").msg)
        push "after"
        w:expect "2 after\n"
      end)
    end

    it("also when a required module makes the call", function()
      local w = worker.start { serve, files = { ["m.lua"] = "local zeroless = require 'zeroless' " .. texts[1] } }
      w:told "Ready..."
      local attempt = w:reload("require 'm'\n" .. serve)
      assert.matches("^%./m.lua:1: " .. call:gsub("%.", "%%.") .. " was called", attempt.error)
      w:client():push() "on"
      w:expect "1 on\n"
    end)

    it("ends the process where no generation serves, and once it serves", function()
      local exits = call .. "(3)"
      worker.start { exits }:ends(3)
      local w = worker.start { "if state.again then " .. exits .. " end state.again = true error 'boom'", "--restart" }
      w:ends(3)
      w = worker.start { serve }
      w:told "Ready..."
      w:reload("zeroless.spawn(function() zeroless.sleep(0.05) " .. exits .. " end)\n" .. serve)
      w:ends(3)
    end)
  end)
end
