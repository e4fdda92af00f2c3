-- SPDX-License-Identifier: MIT
-- --watch: which files, which changes, and what becomes of a script that has ended or does not start.

local support = require "spec.support"
local worker = require "spec.reload.worker"
local uv = require "luv"
local zeroless = require "zeroless"

local waiting = "print(require 'handler' .. zeroless.generation) zeroless.sleep(1000)"

local function start()
  local w = worker.start { waiting, "--watch", files = { ["handler.lua"] = "return 'a'" } }
  w:expect "a1\n"
  w:idle()
  return w
end

local function in_place(w, name, text)
  local file = assert(io.open(w.folder .. "/" .. name, "w"))
  file:write(text)
  file:close()
end

local function sh(w, command)
  assert.equal(0, os.execute("cd " .. w.folder .. " && " .. command))
end

-- Each makes handler.lua return the text.
local changes = {
  ["a save in place"] = function(w, text) in_place(w, "handler.lua", text) end,
  ["a rename onto it"] = function(w, text) w:write("handler.lua", text) end,
  ["a removal and creation"] = function(w, text)
    w:remove "handler.lua"
    in_place(w, "handler.lua", text)
  end,
  ["a link that is swapped"] = function(w, text)
    local name = "v" .. text:byte(-2)
    in_place(w, name, text)
    sh(w, ("ln -sfn %s handler.lua.link && mv -T handler.lua.link handler.lua"):format(name))
  end,
  ["a folder behind a link that is swapped, as for a ConfigMap"] = function(w, text)
    local name = "..v" .. text:byte(-2)
    sh(w, "mkdir " .. name)
    in_place(w, name .. "/handler.lua", text)
    sh(w, ("ln -sfn %s ..data_tmp && mv -T ..data_tmp ..data"):format(name))
    if uv.fs_readlink(w.folder .. "/handler.lua") ~= "..data/handler.lua" then
      sh(w, "ln -sfn ..data/handler.lua tmp && mv -T tmp handler.lua")
    end
  end,
  ["a checkout"] = function(w, text)
    if not uv.fs_stat(w.folder .. "/.git") then
      sh(w, "git init -q -b main . && git add handler.lua")
    end
    local git = "git -c user.name=x -c user.email=x@example.org "
    in_place(w, "other.lua", text)
    local blob = io.popen("cd " .. w.folder .. " && git hash-object -w other.lua"):read "*l"
    sh(w, ("git update-index --add --cacheinfo 100644,%s,handler.lua && %s commit -q -m x && git checkout -q -f .")
      :format(blob, git))
  end,
}

-- The lines of the reloads that have committed. Where the machine is slow, a checkout leaves the file away for
-- longer than a save may take, and an attempt in between finds none.
local function reloads(w)
  local committed = {}
  for _, attempt in ipairs(w:attempts()) do
    if attempt.msg == "reloaded" then committed[#committed + 1] = attempt end
  end
  return committed
end

describe("--watch reloads after", function()
  for name, change in pairs(changes) do
    it(name .. ", once each", function()
      local w = start()
      for generation, letter in ipairs { "a", "b", "c", "d" } do
        if generation > 1 then
          change(w, ("return '%s'"):format(letter))
          w:expect(letter .. generation .. "\n")
          support.eventually(function() return #reloads(w) == generation - 1 end, "the line of the reload")
          local attempt = reloads(w)[generation - 1]
          assert.equal("watch", attempt.trigger)
          assert.equal("./handler.lua", attempt.files)
        end
      end
      w:idle()
      assert.equal(3, #reloads(w))
    end)
  end

  it("several files saved one after the other, once, all of them new", function()
    local w = start()
    w:write("handler.lua", "return require 'deeper'")
    w:write("deeper.lua", "return 'deep'")
    w:save(waiting .. " ")
    w:expect "deep2\n"
    w:write("deeper.lua", "return 'deeper'")
    w:expect "deeper3\n"
    assert.equal("./deeper.lua", w:attempt(2).files)
  end)

  it("a file that was loaded late, by require, dofile or loadfile, or is watched as data", function()
    local w = worker.start { [[
print("generation " .. zeroless.generation)
zeroless.watch "data.txt"
zeroless.sleep(0.001)
require "late"
dofile "done.lua"
loadfile "loaded.lua"
zeroless.watch "missing.txt"
print("all " .. zeroless.generation)
zeroless.sleep(1000)]], "--watch",
      files = { ["late.lua"] = "", ["done.lua"] = "", ["loaded.lua"] = "", ["data.txt"] = "" } }
    for generation, name in ipairs { "data.txt", "late.lua", "done.lua", "loaded.lua", "missing.txt" } do
      w:expect("all " .. generation)
      w:idle()
      w:write(name, "-- " .. generation)
      assert.matches(name, w:attempt(generation).files, 1, true)
    end
    w:expect "all 6"
    w:remove "missing.txt"
    w:expect "all 7"
  end)
end)

describe("--watch does not reload after", function()
  it("a touch, the same text again, or a change of another file", function()
    local w = start()
    sh(w, "touch handler.lua worker.lua")
    w:write("handler.lua", "return 'a'")
    w:write("other.lua", "return 'a'")
    zeroless.sleep(0.3)
    assert.equal(0, #w:attempts())
    w:write("handler.lua", "return 'b'")
    w:expect "b2"
  end)
end)

describe("a failed attempt under --watch", function()
  it("is repaired by the file that was at fault, though the serving code has never loaded it", function()
    local w = start()
    w:write("broken.lua", "return (")
    w:save("require 'broken' " .. waiting)
    assert.equal("start", w:attempt(1).stage)
    assert.matches("./broken.lua", w:attempt(1).error, 1, true)
    w:idle()
    w:write("broken.lua", "return 1")
    w:expect "a2\n"
    assert.equal("reloaded", w:attempt(2).msg)
  end)

  it("is repaired by a module that was missing", function()
    local w = start()
    w:remove "handler.lua"
    assert.equal("start", w:attempt(1).stage)
    w:idle()
    w:write("handler.lua", "return 'b'")
    w:expect "b2\n"
  end)

  it("is over when the old text is back, which is told", function()
    local w = start()
    w:write("handler.lua", "return (")
    assert.equal("compile", w:attempt(1).stage)
    w:write("handler.lua", "return 'a'")
    w:told "the files are again those of generation 1, which is serving"
    zeroless.sleep(0.1)
    assert.equal(1, #w:attempts())
    w:write("handler.lua", "return 'b'")
    w:expect "b2\n"
  end)

  it("is not made again for the same text", function()
    local w = start()
    w:write("handler.lua", "return (")
    w:attempt(1)
    w:write("handler.lua", "return (")
    sh(w, "touch handler.lua")
    zeroless.sleep(0.2)
    assert.equal(1, #w:attempts())
    w:write("handler.lua", "return [")
    assert.equal("compile", w:attempt(2).stage)
  end)
end)

describe("a script that has ended under --watch", function()
  it("waits for the next save, and says so once", function()
    local w = worker.start { "print 'one'", "--watch" }
    w:told "the script has ended; waiting for the next save"
    w:idle()
    assert.equal(1, w:has_told "the script has ended")
    w:save "print 'two'"
    w:expect "two"
    w:told("the script has ended", 2)
    w:save "print 'three' zeroless.sleep(1000)"
    w:expect "three"
    assert.equal(2, w:has_told "the script has ended")
  end)

  for _, signal in ipairs { "sigint", "sigterm" } do
    it("ends with 0 at " .. signal:upper(), function()
      local w = worker.start { "zeroless.on_stop(function() print 'stopped' end)", "--watch" }
      w:told "the script has ended"
      w:ends(0, signal)
      assert.equal("stopped\n", w.child.stdout)
    end)
  end

  it("has its sockets open, and they queue for the next", function()
    local w = worker.start { "pull = Server { endpoint = 'ipc://w.sock' }:pull()", "--watch" }
    w:told "the script has ended"
    w:client():push() "a"
    w:save "print(Server { endpoint = 'ipc://w.sock' }:pull()())"
    w:expect "a\n"
  end)
end)

describe("a first start that fails under --watch", function()
  for name, text in pairs { ["syntax error"] = "local =", ["error"] = "require 'missing'", ["late error"] =
    "zeroless.sleep(0.001) error 'boom'" } do
    it("waits for the save that repairs it: " .. name, function()
      local w = worker.start { text, "--watch" }
      w:told "generation 1 has failed; its sockets stay open"
      w:idle()
      w:save "print('generation ' .. zeroless.generation) zeroless.sleep(1000)"
      w:expect "generation 2"
      assert.equal("reloaded", w:attempt(1).msg)
    end)
  end
end)

describe("zeroless.watch", function()
  it("takes the path of a file, and says so at the caller's line", function()
    for _, value in ipairs { 1, {}, print, false } do
      local text = support.refused(function() zeroless.watch(value) end)
      assert.equal("zeroless.watch takes the path of a file, not a " .. type(value), text)
    end
    assert.matches("not a no value", support.refused(function() zeroless.watch() end), 1, true)
  end)
end)
