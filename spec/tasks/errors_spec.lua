-- SPDX-License-Identifier: MIT
-- What is printed of an error that nobody catches.

local support = require "spec.support"

local function run(text, ...)
  local arguments = { ... }
  arguments[#arguments + 1] = support.file('local zeroless = require "zeroless" ' .. text)
  local child = support.run_host(arguments)
  assert.equal(1, child.code, child.stderr)
  return child.stderr
end

local function object(body)
  return "error(setmetatable({}, { __tostring = function() " .. body .. " end }))"
end

describe("an uncaught error", function()
  for _, call in ipairs { "error(nil)", "error()" } do
    it("by " .. call .. " is printed with its place", function()
      local stderr = run("zeroless.sleep(0.001)\n" .. call)
      assert.matches("zlrun: an error without a message\nstack traceback:\n\t[^\n]*script.lua:2: in main chunk\n",
        stderr)
    end)
  end

  for name, case in pairs {
    ["raises"] = { "error 'worse'", "[^\n]*script.lua:1: worse" },
    ["yields"] = { "coroutine.yield()", "[^\n]*script.lua:1: attempt to yield outside a coroutine" },
    ["waits"] = { "zeroless.sleep(1)", "[^\n]*script.lua:1: call refused: this generation" },
    ["never ends"] = { "while true do end", "[^\n]*script.lua:1: stopped after 0.1 s" },
    ["returns a table"] = { "return {}", "table" },
  } do
    it("whose __tostring " .. name .. " keeps that cause", function()
      assert.matches("zlrun: an error object whose __tostring fails: " .. case[2],
        run(object(case[1]), "--max-handler-time", 0.1))
    end)
  end

  it("is not cut short by a NUL", function()
    assert.matches("script.lua:1: before\\0after\nstack traceback:", run 'error "before\\0after"', 1, true)
  end)

  it("has a traceback that begins at the line of the script, without zlrun's own files", function()
    local stderr = run [[

local function open() zeroless.Server { port = 1, foot = 2 } end
zeroless.every(0.001, function() open() end)]]
    assert.matches("unknown option 'foot'[^\n]*\nstack traceback:\n\t[^\n]*script.lua:2: in function 'open'\n"
      .. "\t[^\n]*script.lua:3: in function", stderr)
    assert.is_nil(stderr:find("zeroless/", 1, true), stderr)
  end)

  it("in a callback of luv's has one, too", function()
    local stderr = run [[
require "luv".new_timer():start(1, 0, function()
  error "late"
end)]]
    assert.matches("script.lua:2: late\nstack traceback:\n\t[^\n]*script.lua:2: in function", stderr)
  end)
end)

describe("coroutine.yield in a task", function()
  it("raises and names what waits instead", function()
    local stderr = run "\ncoroutine.yield()"
    assert.matches("script.lua:2: attempt to yield outside a coroutine of the script; "
      .. "a task waits with zeroless.sleep, a receive or join\n", stderr, 1, true)
  end)
end)
