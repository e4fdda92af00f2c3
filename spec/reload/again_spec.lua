-- SPDX-License-Identifier: MIT
-- --restart: what counts as progress, and which code is started again.

local support = require "spec.support"
local worker = require "spec.reload.worker"

local fragile = [[
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  if message:find "^poison" then error("cannot bear " .. message) end
  print(zeroless.generation .. " " .. message)
end]]

local function count(text, pattern)
  local _, n = text:gsub(pattern, "")
  return n
end

describe("poison under --restart", function()
  -- {tries, messages in a row}
  for _, case in ipairs { { 5, 1 }, { 2, 2 }, { 0, 6 }, { 8, 1 } } do
    local tries, poisons = unpack(case)
    it(("does not end the process: --redeliver %d, %d in a row"):format(tries, poisons), function()
      local w = worker.start { fragile, "--restart", "--redeliver", tostring(tries), "--dead-letter", "letters" }
      w:told "Ready..."
      local push = w:client():push()
      for i = 1, poisons do push("poison " .. i) end
      for i = 1, 500 do push(tostring(i)) end
      w:expect " 500\n"
      assert.equal(500, count(w.child.stdout, "%d+ %d+\n"))
      assert.equal(poisons, w:has_told "set aside to the dead letters")
      assert.equal(poisons * tries, w:has_told "it is given again")
      assert.equal(0, w:has_told "giving up")
    end)
  end

  it("gives up on a script that fails at its start after it has served", function()
    local w = worker.start { [[
local file = io.open "broken"
if file then error "broken" end
]] .. fragile, "--restart" }
    w:told "Ready..."
    local push = w:client():push()
    push "1"
    w:expect "1 1\n"
    w:write("broken", "")
    push "poison"
    w:ends(1)
    assert.equal(1, w:has_told "the script has failed more than 5 times within 30 s: giving up")
  end)
end)

local modular = [[
local handler = require "handler"
local loaded = dofile "loaded.lua"
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  if message:find "^poison" then error "poison" end
  print(handler(message) .. loaded)
end]]

describe("--restart starts the code that has served", function()
  local function start(...)
    local w = worker.start { modular, "--restart", ..., files = {
      ["handler.lua"] = "return function(message) return 'old ' .. message end", ["loaded.lua"] = "return '.'",
    } }
    w:told "Ready..."
    w.push = w:client():push()
    w.push "1"
    w:expect "old 1.\n"
    return w
  end

  local edits = {
    ["half a deployment"] = function(w) w:save "local handler = require 'no.such'" end,
    ["a script that does not compile"] = function(w) w:save "local =" end,
    ["a module"] = function(w) w:write("handler.lua", "return function() return 'new' end") end,
    ["a module that is gone"] = function(w) w:remove "handler.lua" end,
    ["a file that it loads with dofile"] = function(w) w:write("loaded.lua", "return '!'") end,
  }
  for name, edit in pairs(edits) do
    it("whatever the files hold since: " .. name, function()
      local w = start()
      edit(w)
      for round = 1, 3 do
        w.push "poison"
        w.push("after " .. round)
        w:expect(("old after %d.\n"):format(round))
      end
      for i = 2, 500 do w.push(tostring(i)) end
      w:expect "old 500.\n"
      assert.equal(0, w:has_told "reload failed")
    end)
  end

  it("and SIGHUP releases an edit", function()
    local w = start()
    w:write("handler.lua", "return function(message) return 'new ' .. message end")
    w.push "poison"
    w.push "2"
    w:expect "old 2.\n"
    assert.equal("./handler.lua", w:reload().files)
    w.push "3"
    w:expect "new 3.\n"
    w.push "poison"
    w.push "4"
    w:expect "new 4.\n"
  end)

  it("reads a file anew that is loaded a second time", function()
    local w = worker.start { [[
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  if message == "poison" then error "poison" end
  print(message .. dofile "loaded.lua")
end]], "--restart", files = { ["loaded.lua"] = "return 'a'" } }
    w:told "Ready..."
    local push = w:client():push()
    push "1"
    w:expect "1a\n"
    push "poison"
    push "2"
    w:expect "2a\n"
    w:write("loaded.lua", "return 'b'")
    push "3"
    w:expect "3b\n"
  end)

  it("with --watch, a save goes live as ever", function()
    local w = start "--watch"
    w:save "local ="
    assert.equal("compile", w:attempt(1).stage)
    w.push "poison"
    w.push "2"
    w:expect "old 2.\n"
    w:save(modular .. " ")
    support.eventually(function() return w:attempts()[#w:attempts()].trigger == "watch"
      and w:attempts()[#w:attempts()].msg == "reloaded" end, "the save")
    w.push "3"
    w:expect "old 3.\n"
  end)
end)
