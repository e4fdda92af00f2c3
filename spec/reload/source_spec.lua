-- SPDX-License-Identifier: MIT
-- loadfile, dofile and require, which the host replaces to record files, do what luajit's do: each case runs
-- under both.

local support = require "spec.support"
local worker = require "spec.reload.worker"

local luajit = support.start { "/usr/bin/env", "which", "luajit" }:wait().stdout:match "[^\n]+"

local files = {
  ["plain.lua"] = "return 'plain', ...",
  ["shebang.lua"] = "#!/usr/bin/luajit\nreturn debug.getinfo(1, 'l').currentline",
  ["bom.lua"] = "\239\187\191return 'bom'",
  ["broken.lua"] = "\nlocal = 1",
  ["raises.lua"] = "\nerror 'boom'",
  ["raises_table.lua"] = "error { 1 }",
  ["empty.lua"] = "",
  ["info.lua"] = "local i = debug.getinfo(1, 'S') return i.source, i.short_src, i.what, ...",
  ["global.lua"] = "x = 1 return getfenv(1) == _G, y",
  ["nothing.lua"] = "counter = (counter or 0) + 1",
  ["false.lua"] = "return false",
  ["sets.lua"] = "package.loaded[...] = 'set'",
  ["bytecode.lua"] = string.dump(loadstring "return 'bytecode'"),
  ["nul.lua"] = "return 'a\0b'",
  ["yields.lua"] = "coroutine.yield(1)",
}

-- Prints what the functions return, tables and functions by their type.
local show = [[
local function show(...)
  local values = { ... }
  for i = 1, select("#", ...) do
    local value = values[i]
    values[i] = (type(value) == "table" or type(value) == "function") and type(value) or ("%q"):format(tostring(value))
  end
  print(select("#", ...), table.concat(values, " "))
end
]]

local function expect_the_same(text)
  local w = worker.new { files = files }
  w:write("worker.lua", show .. text)
  local ours = support.run_host { "worker.lua", cwd = w.folder }
  local theirs = support.start({ luajit, "worker.lua", cwd = w.folder }):wait()
  assert.equal(theirs.code, ours.code, ours.stderr)
  -- Where a module is looked for, the host has one place more.
  assert.equal(theirs.stdout, (ours.stdout:gsub("\\\n[^\n]*embedded in zlrun", "")))
  assert.is_true(#ours.stdout > 0)
end

local cases = {
  ["loadfile: chunk, name and arguments"] = [[
show(loadfile "plain.lua") show(loadfile "plain.lua" (1, nil)) show(loadfile "./info.lua" (2))
show(loadfile "shebang.lua" ()) show(loadfile "bom.lua" ()) show(loadfile "empty.lua" ())
show(loadfile "nul.lua" ()) show(loadfile "bytecode.lua" ())]],
  ["loadfile: errors"] = [[
show(loadfile "broken.lua") show(loadfile "missing.lua") show(loadfile "missing\0.lua")
show(pcall(loadfile, {})) show(pcall(loadfile, "plain.lua", {})) show(pcall(loadfile, true))
show(loadfile(1)) show(pcall(loadfile "raises.lua"))]],
  ["loadfile: mode"] = [[
show(loadfile("plain.lua", "b")) show(loadfile("bytecode.lua", "t")) show(loadfile("plain.lua", "t"))
show(loadfile("bytecode.lua", "bt")) show(loadfile("plain.lua", nil)) show(loadfile("plain.lua", "x"))]],
  ["loadfile: environment"] = [[
local env = { getfenv = getfenv, y = 2 }
env._G = env
show(loadfile("global.lua", "t", env)()) show(env.x, x)
show(loadfile("global.lua", "t", nil)()) show(x)
for _, other in ipairs { 1, "text", print, true } do show(loadfile("plain.lua", nil, other)()) end]],
  ["dofile"] = [[
show(dofile "plain.lua") show(dofile "info.lua") show(dofile "empty.lua") show(pcall(dofile, "missing.lua"))
show(pcall(dofile, "broken.lua")) show(pcall(dofile, "raises.lua")) show(pcall(dofile, "raises_table.lua"))
show(pcall(dofile, {})) show(dofile("plain.lua", "extra")) show(dofile "shebang.lua")
show(dofile "global.lua") show(dofile "bytecode.lua")]],
  ["require: modules and package.loaded"] = [[
show(require "plain") show(require "plain") show(require "info") show(require "nothing") show(require "nothing")
show(counter) show(package.loaded.nothing) show(require "false") show(require "sets")
package.loaded.plain = nil
show(require "plain") show(require "bom") show(require "shebang") show(require "bytecode")]],
  ["require: errors"] = [[
show(pcall(require, "broken")) show(pcall(require, "raises")) show(pcall(require, "raises")) show(pcall(require, {}))
show(pcall(require)) show(pcall(require, "raises_table"))]],
  ["require: package.path"] = [[
package.path = "./?.lua;./sub/?.lua;?"
package.cpath = ""
show(select(2, pcall(require, "a.b")):gsub("\n\tno field package%.preload.-\n", "\n"))
show(package.searchpath("a.b", package.path)) show(package.searchpath("plain", package.path))
package.path = nil
show(pcall(require, "x"))
package.path = 1
show((select(2, pcall(require, "x")):gsub("\n.*", "")))]],
  ["require: preload and loaders of one's own"] = [[
package.preload.mine = function(...) return "preloaded", ... end
show(require "mine")
table.insert(package.loaders, 1, function(name) if name == "yours" then return function(...) return ... end end end)
show(require "yours")
show(pcall(require, "broken"))]],
}

describe("as in luajit,", function()
  for name, text in pairs(cases) do
    it(name, function() expect_the_same(text) end)
  end

  it("standard input: loadfile() and dofile()", function()
    for _, code in ipairs { "print(loadfile()())", "print(dofile())" } do
      local ours = support.run_host { "-e", code, stdin = "return 'input'" }
      assert.equal("input\n", ours.stdout, ours.stderr)
    end
  end)
end)
