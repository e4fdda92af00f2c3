-- SPDX-License-Identifier: MIT
-- Which files a generation is made of: those that it has loaded itself, not those of the ones before it.

require "spec.support"
local worker = require "spec.reload.worker"

local function with(module, text)
  return ("local m = require %q\nprint('generation ' .. zeroless.generation .. ' ' .. m)\n"):format(module)
    .. (text or "zeroless.sleep(1000)")
end

describe("a module that is no longer required", function()
  local function start()
    local w = worker.start { with "one", "--watch", files = { ["one.lua"] = "return 1", ["two.lua"] = "return 2" } }
    w:expect "generation 1 1"
    w:save(with "two")
    assert.equal("reloaded", w:attempt(1).msg)
    w:expect "generation 2 2"
    return w
  end

  it("starts no reload, and does not stand against one when it is broken", function()
    local w = start()
    w:write("one.lua", "local =")
    w:write("two.lua", "return 3")
    assert.equal("./two.lua", w:attempt(2).files)
    assert.equal("reloaded", w:attempt(2).msg)
    w:expect "generation 3 3"
    w:write("one.lua", "return 4")
    w:save(with "one")
    assert.equal("worker.lua", w:attempt(3).files)
    w:expect "generation 4 4"
    assert.equal(3, #w:attempts())
  end)

  it("can be removed, and empty", function()
    local w = start()
    w:remove "one.lua"
    w:idle()
    w:write("one.lua", "")
    w:idle()
    w:save(with("two", "zeroless.sleep(1001)"))
    assert.equal("worker.lua", w:attempt(2).files)
    w:expect "generation 3 2"
  end)
end)

describe("a module that is required later", function()
  local lazy = [[
for message in Server { endpoint = "ipc://w.sock" }:pull() do print(message .. require "late") end]]

  it("is the one of the reload until it is loaded, and then reloaded where it has changed", function()
    local w = worker.start { lazy, "--watch", files = { ["late.lua"] = "return 'old'" } }
    w:told "Ready..."
    local push = w:client():push()
    push "1"
    w:expect "1old"
    w:save(lazy .. " ")
    assert.equal("reloaded", w:attempt(1).msg)
    w:write("late.lua", "return 'new'")
    push "2"
    w:expect "2old"
    assert.equal("./late.lua", w:attempt(2).files)
    push "3"
    w:expect "3new"
  end)
end)

describe("an optional file", function()
  it("is watched in every generation, whether it is there or not", function()
    local text = "print(zeroless.generation .. ' ' .. (loadfile 'optional.lua' or tostring)(nil)) zeroless.sleep(1000)"
    local w = worker.start { text, "--watch" }
    w:expect "1 nil"
    w:save(text .. " ")
    w:expect "2 nil"
    w:write("optional.lua", "return 'there'")
    assert.equal("optional.lua", w:attempt(2).files)
    w:expect "3 there"
  end)
end)

describe("the files of a failed attempt", function()
  it("stay watched: a module that only it has loaded is repaired", function()
    local w = worker.start { "print 'one' zeroless.sleep(1000)", "--watch" }
    w:expect "one"
    w:write("extra.lua", "error 'boom'")
    w:save(with "extra")
    assert.equal("start", w:attempt(1).stage)
    w:write("extra.lua", "return 'repaired'")
    assert.equal("reloaded", w:attempt(2).msg)
    w:expect "generation 2 repaired"
  end)
end)
