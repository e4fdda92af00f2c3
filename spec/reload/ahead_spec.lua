-- SPDX-License-Identifier: MIT
-- A reload compiles the modules before the running generation is parked: that shows in nothing but the time.

local support = require "spec.support"
local worker = require "spec.reload.worker"

-- What a script prints in its first start, and what in a reload.
local function in_start_and_reload(text, files)
  local w = worker.start { text .. "\nprint 'end' zeroless.sleep(1000)", files = files }
  w:expect "end\n"
  local first = w.child.stdout
  local attempt = w:reload()
  assert.equal("reloaded", attempt.msg, attempt.error)
  support.eventually(function() return #w.child.stdout >= 2 * #first end, "the second start")
  return first, w.child.stdout:sub(#first + 1)
end

local cases = {
  ["names and arguments"] = { [[print(require "info")]], {
    ["info.lua"] = "local i = debug.getinfo(1, 'Sl') return i.source .. i.short_src .. i.what .. i.currentline .. ...",
  } },
  ["globals of a thread's own"] = { [[
setfenv(0, setmetatable({ mine = "mine" }, { __index = _G }))
require "sets"
print(rawget(_G, "set"), set, rawget(_G, "mine"))]], { ["sets.lua"] = "set = mine" } },
  ["modules that require each other"] = { "print(pcall(require, 'a'))", {
    ["a.lua"] = "return require 'b'", ["b.lua"] = "return require 'a'",
  } },
  ["a module that raises"] = { [[
print(xpcall(function() require "raises" end, debug.traceback)) print(pcall(require, "raises"))]], {
    ["raises.lua"] = "\nlocal function f()\n  error 'boom'\nend\nf()",
  } },
  ["a module that does not compile"] = { "print(pcall(require, 'broken'))", { ["broken.lua"] = "\nlocal = 1" } },
  ["an empty module"] = { "print(require 'empty')", { ["empty.lua"] = "" } },
  ["a module of bytecode"] = { "print(require 'code')", { ["code.lua"] = string.dump(loadstring "return 'code'") } },
  ["a module that is required, and loaded"] = { [[
print(require "plain", loadfile "./plain.lua" (2), dofile "./plain.lua", require "plain")]], {
    ["plain.lua"] = "return (counter or 0) + (... == 2 and 1 or 0)",
  } },
  ["a module that is required twice"] = { [[
print(require "counts", require "counts") package.loaded.counts = nil print(require "counts")]], {
    ["counts.lua"] = "counter = (counter or 0) + 1 return counter",
  } },
  ["the same file by two paths"] = { [[
print(require "info") package.loaded.info = nil package.path = "././?.lua" print(require "info")]], {
    ["info.lua"] = "return debug.getinfo(1, 'S').source",
  } },
}

describe("a reload starts as the first start does:", function()
  for name, case in pairs(cases) do
    it(name, function()
      local first, second = in_start_and_reload(unpack(case))
      assert.equal(first, second)
      assert.is_true(#first > #"end\n")
    end)
  end

  it("its failure in a module has the same traceback", function()
    local text = "require 'fails'"
    local fails = "local function f()\n  error 'boom'\nend\nf()"
    local first = worker.start { text, files = { ["fails.lua"] = fails } }
    first:ends(1)
    local w = worker.start { text .. " zeroless.sleep(1000)", files = { ["fails.lua"] = "return 1" } }
    w:idle()
    w:write("fails.lua", fails)
    local attempt = w:reload(text)
    assert.equal("start", attempt.stage)
    assert.matches("fails.lua:2: boom", attempt.error, 1, true)
    local function traceback(of) return of.child.stderr:match "zlrun: [^\n]*boom\nstack traceback:[^{]*" end
    assert.equal(traceback(first), traceback(w))
    assert.is_string(traceback(w))
  end)
end)

describe("between the reading and the start,", function()
  local text = [[
package.path = (...) .. package.path
print("generation " .. zeroless.generation .. " " .. require "late")
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  while message == "hold" and not io.open "go" do zeroless.sleep(0.01) end
end]]

  -- The attempt has read and compiled, and waits for the message in hand; `change` is then made.
  local function change_meanwhile(path, change, ...)
    local w = worker.start { text, ..., arguments = { path }, files = { ["late.lua"] = "return 'read'" } }
    w:expect "generation 1 read\n"
    os.execute("mkdir " .. w.folder .. "/front")
    w:client():push() "hold"
    w:idle()
    w:save(text .. " ")
    w:kill "sighup"
    w:told "the reload waits for the task"
    change(w)
    w:write("go", "")
    assert.equal("reloaded", w:attempt(1).msg, w:attempt(1).error)
    return w
  end

  it("a module is saved: the reload runs what it has read, and the next one what was saved", function()
    local w = change_meanwhile("", function(w) w:write("late.lua", "return 'saved'") end)
    w:expect "generation 2 read\n"
    assert.equal("./late.lua", w:reload().files)
    w:expect "generation 3 saved\n"
  end)

  it("a module is saved under --watch: another reload follows", function()
    local w = change_meanwhile("", function(w) w:write("late.lua", "return 'saved'") end, "--watch")
    w:expect "generation 3 saved\n"
    assert.matches("generation 2 read\n", w.child.stdout)
  end)

  it("a module is removed: the reload runs what it has read, and the next one fails", function()
    local w = change_meanwhile("", function(w) w:remove "late.lua" end)
    w:expect "generation 2 read\n"
    assert.matches("module 'late' not found", w:reload().error, 1, true)
  end)

  it("a module appears in front of it in package.path: it is the one", function()
    local w = change_meanwhile("./front/?.lua;", function(w) w:write("front/late.lua", "return 'front'") end)
    w:expect "generation 2 front\n"
  end)
end)

describe("a reload whose script", function()
  local files = { ["m.lua"] = "return 'm'" }

  it("changes package.path requires what is found there", function()
    local w = worker.start { "print(zeroless.generation .. require 'm') zeroless.sleep(1000)", files = files }
    w:expect "1m"
    os.execute("mkdir " .. w.folder .. "/other")
    w:write("other/m.lua", "return 'other'")
    w:reload "package.path = './other/?.lua' print(zeroless.generation .. require 'm') zeroless.sleep(1000)"
    w:expect "2other"
    w:reload "package.path = '' print(zeroless.generation, pcall(require, 'm')) zeroless.sleep(1000)"
    w:expect "3\tfalse\tmodule 'm' not found"
  end)

  it("has loaders and preloaded modules of its own requires those", function()
    local w = worker.start { "print(zeroless.generation .. require 'm') zeroless.sleep(1000)", files = files }
    w:expect "1m"
    w:reload [[package.preload.m = function() return "preloaded" end
print(zeroless.generation .. require "m") zeroless.sleep(1000)]]
    w:expect "2preloaded"
    w:reload [[table.insert(package.loaders, 1, function() return function() return "loader" end end)
print(zeroless.generation .. require "m") zeroless.sleep(1000)]]
    w:expect "3loader"
  end)

  it("saves a module and requires it again gets what it has saved", function()
    local text = [[
print(zeroless.generation .. require "m")
local file = io.open("m.lua", "w") file:write("return 'saved " .. zeroless.generation .. "'") file:close()
package.loaded.m = nil
print(zeroless.generation .. require "m") zeroless.sleep(1000)]]
    local w = worker.start { text, files = files }
    w:expect "1m\n1saved 1\n"
    w:reload()
    w:expect "2saved 1\n2saved 2\n"
  end)

  -- Twenty modules of about 0.7 MB each when compiled.
  local function large_modules()
    local lines, modules = {}, {}
    for i = 1, 2000 do lines[i] = ("function m.f%d(a, b) return a + b + %d end"):format(i, i) end
    for i = 1, 20 do
      modules["m" .. i .. ".lua"] = "local m = {}\n" .. table.concat(lines, "\n") .. "\nreturn m"
    end
    return modules
  end

  it("requires nothing any more has the memory for its start, with --max-memory", function()
    local w = worker.start { [[
if zeroless.generation == 1 then for i = 1, 20 do require("m" .. i) end end
local kept = {}
if zeroless.generation == 2 then for i = 1, 160 do kept[i] = ("x"):rep(1e5 + i) end end
print(zeroless.generation .. ".")
zeroless.sleep(1000)]], "--max-memory", "24", files = large_modules() }
    w:expect "1."
    assert.equal("reloaded", w:reload().msg)
    w:expect "2."
  end)

  it("requires nothing any more has the memory back after its start", function()
    local text = [[
if zeroless.generation == 1 then for i = 1, 20 do require("m" .. i) end end
local before = collectgarbage "count"
zeroless.sleep(0.001)
collectgarbage() collectgarbage()
print(("%d %d %d."):format(zeroless.generation, before, collectgarbage "count"))
zeroless.sleep(1000)]]
    local w = worker.start { text, files = large_modules() }
    w:expect "."
    w:reload()
    support.eventually(function() return w.child.stdout:find "2 %d+ %d+%." end, "generation 2")
    local before, after = w.child.stdout:match "2 (%d+) (%d+)%."
    assert.is_true(tonumber(before) > 5000, before)
    assert.is_true(tonumber(after) < 2000, after)
  end)
end)
