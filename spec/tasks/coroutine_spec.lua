-- SPDX-License-Identifier: MIT
-- Coroutines of a script: as under luajit when nothing waits, and every wait passes outwards through
-- them to the task.

local support = require "spec.support"
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client

-- Prints a label, how many values there are, and the values without their addresses.
local show = [[
local function show(label, ...)
  local values = {}
  for i = 1, select("#", ...) do values[i] = tostring((select(i, ...))):gsub("0x%x+", "0x") end
  print(label, select("#", ...), table.concat(values, " | "))
end
local create, wrap, yield = coroutine.create, coroutine.wrap, coroutine.yield
local resume, status = coroutine.resume, coroutine.status
]]

local function assert_as_luajit(text)
  local path = support.file(show .. text)
  local reference = support.start({ "luajit", path }):wait()
  local ours = support.run_host { path }
  assert.equal(0, reference.code, reference.stderr)
  assert.equal(reference.stdout, ours.stdout, ours.stderr)
  assert.equal(0, ours.code)
end

describe("a script's own coroutines, as under luajit:", function()
  it("values go in and out, nils and their number kept", function()
    assert_as_luajit [[
local co = create(function(...)
  show("arguments", ...)
  show("nothing", yield())
  show("two nils", yield(nil, nil, nil))
  return nil, 1, nil
end)
show("first", resume(co, nil, 2, nil))
show("second", resume(co))
show("third", resume(co, nil, nil))
show("dead", resume(co, 1))
show("many", select("#", resume(create(function() return unpack({}, 1, 200) end))))
local sum = 0
for i in wrap(function() for i = 1, 1000 do yield(i) end end) do sum = sum + i end
show("sum", sum)]]
  end)

  it("status, running and isyieldable", function()
    assert_as_luajit [[
show("main", coroutine.running())
show("main yieldable", coroutine.isyieldable())
local outer
outer = create(function()
  show("inside", status(coroutine.running()), coroutine.isyieldable(), coroutine.running() == outer)
  local inner = create(function()
    show("outer from inner", status(outer))
    show("outer resumed from inner", resume(outer))
    yield()
  end)
  show("itself", resume(coroutine.running()))
  resume(inner)
  show("inner", status(inner))
  resume(inner)
  show("inner at its end", status(inner))
end)
show("before", status(outer))
resume(outer)
show("after", status(outer))]]
  end)

  it("wrong arguments", function()
    assert_as_luajit [[
for _, name in ipairs { "create", "wrap", "resume", "status" } do
  local f = coroutine[name]
  show(name, pcall(f))
  show(name, pcall(f, 1))
  show(name, pcall(function() f(nil) end))
  show(name, pcall(function() coroutine[name]({}) end))
end]]
  end)

  it("errors out of resume and wrap", function()
    assert_as_luajit [[
local function failing(...)
  local values = { ... }
  return function() error(unpack(values)) end
end
local errors = { { "text" }, { "text", 0 }, { "text", 2 }, { {} }, { nil }, { false }, { 12 } }
for i, values in ipairs(errors) do
  show("resume " .. i, resume(create(failing(unpack(values)))))
  local f = wrap(failing(unpack(values)))
  show("wrap " .. i, pcall(function() local x = f() return x end))
  show("wrap again " .. i, pcall(function() local x = f() return x end))
  show("wrap alone " .. i, pcall(wrap(failing(unpack(values)))))
end
local itself
itself = wrap(function() return itself() end)
show("itself", pcall(function() local x = itself() return x end))]]
  end)

  it("pcall, xpcall and metamethods with a yield in them", function()
    assert_as_luajit [[
local co = create(function() return pcall(function() yield "in pcall" error "late" end) end)
show("pcall", resume(co)) show("pcall", resume(co))
co = create(function()
  return xpcall(function() yield "in xpcall" error "late" end, function(m) return "seen " .. m end)
end)
show("xpcall", resume(co)) show("xpcall", resume(co))
local any = function() return yield "meta" end
local object = setmetatable({}, {
  __index = any, __newindex = any, __add = any, __concat = any,
  __call = any, __lt = any, __le = any, __unm = any,
})
co = create(function()
  object.x = 1
  return object.x, object + 1, object .. "", object(), object < object, object <= object, -object
end)
for i = 1, 10 do show("metamethod", resume(co, i)) end]]
  end)

  it("a yield across table.sort, string.gsub and dofile", function()
    assert_as_luajit [[
show("sort", resume(create(function() table.sort({ 3, 2, 1 }, function(a, b) yield(1) return a < b end) end)))
show("gsub", resume(create(function() return (("abc"):gsub(".", function(x) yield(x) end)) end)))
show("load", resume(create(function() return load(function() yield(1) end) end)))]]
  end)

  it("tracebacks of coroutines", function()
    assert_as_luajit [[
local co = create(function()
  local function inner() yield() error "here" end
  inner()
end)
print((debug.traceback(co):gsub("0x%x+", "")))
resume(co)
print((debug.traceback(co, "message"):gsub("0x%x+", "")))
resume(co)
print((debug.traceback(co, "message", 1):gsub("0x%x+", "")))]]
  end)

  it("deeply nested ones", function()
    assert_as_luajit [[
local function nest(depth)
  if depth == 0 then
    yield "bottom"
    return "up"
  end
  local f = wrap(nest)
  local first = f(depth - 1)
  yield(first)
  return f()
end
local co = create(nest)
show("down", resume(co, 50)) show("up", resume(co)) show("dead", resume(co))
local function endless() return 1 + endless() end
local ok, err = resume(create(endless))
show("overflow", ok, err:match "stack overflow")]]
  end)
end)

describe("a wait", function()
  -- Waits for a moment in which other tasks run; returns `value`.
  local function waited(value)
    zeroless.sleep(0.001)
    return value
  end

  it("works inside coroutine.wrap", function()
    local generator = coroutine.wrap(function()
      for i = 1, 3 do coroutine.yield(waited(i)) end
      return "end"
    end)
    assert.same({ 1, 2, 3, "end" }, { generator(), generator(), generator(), generator() })
  end)

  it("works inside coroutine.create, around its yields", function()
    local co = coroutine.create(function(first)
      local second = coroutine.yield(waited(first) + 1)
      return waited(second) + 1, nil, waited(nil)
    end)
    assert.same({ true, 11 }, { coroutine.resume(co, 10) })
    assert.equal("suspended", coroutine.status(co))
    local function packed(...) return select("#", ...), ... end
    assert.same({ 4, true, 21 }, { packed(coroutine.resume(co, 20)) })
    assert.equal("dead", coroutine.status(co))
  end)

  it("passes through many nested coroutines", function()
    local function nest(depth)
      if depth == 0 then return waited "bottom" end
      return coroutine.wrap(nest)(depth - 1)
    end
    assert.equal("bottom", coroutine.wrap(nest)(50))
  end)

  it("works in pcall and xpcall, and errors after it are caught", function()
    assert.same({ true, 1 }, { pcall(waited, 1) })
    local ok, err = pcall(function()
      waited()
      error("after", 0)
    end)
    assert.same({ false, "after" }, { ok, err })
    ok, err = xpcall(function()
      waited()
      error("after", 0)
    end, function(message) return "handled " .. message end)
    assert.same({ false, "handled after" }, { ok, err })
  end)

  it("works in pcall inside a nested coroutine", function()
    local result = coroutine.wrap(function()
      local ok, err = pcall(coroutine.wrap(function()
        waited()
        error("inner", 0)
      end))
      return tostring(ok) .. " " .. tostring(err)
    end)()
    assert.equal("false inner", result)
  end)

  it("works in metamethods", function()
    local object = setmetatable({}, {
      __index = function(_, key) return waited(key) end,
      __newindex = function(self, key, value) rawset(self, key, waited(value)) end,
      __add = function() return waited "sum" end,
      __concat = function() return waited "concatenation" end,
      __call = function(_, value) return waited(value) end,
      __lt = function() return waited(true) end,
      __unm = function() return waited "negation" end,
      __tostring = function() return waited "text" end,
    })
    object.stored = "stored"
    assert.same(
      { "key", "stored", "sum", "concatenation", "called", true, "negation", "text" },
      { object.key, rawget(object, "stored"), object + 1, object .. "x", object "called", object < object,
        -object, tostring(object) })
  end)

  it("works in iterators", function()
    local function count_to(n)
      return function(_, i)
        if i < n then return waited(i + 1) end
      end, nil, 0
    end
    local seen = {}
    for i in count_to(3) do seen[#seen + 1] = i end
    for i in coroutine.wrap(function()
      for i = 4, 5 do coroutine.yield(waited(i)) end
    end) do seen[#seen + 1] = i end
    assert.same({ 1, 2, 3, 4, 5 }, seen)
  end)

  it("lets other tasks run while a nested coroutine waits", function()
    local order = {}
    local other = zeroless.spawn(function() order[#order + 1] = "other" end)
    coroutine.wrap(function()
      zeroless.sleep(0)
      order[#order + 1] = "nested"
    end)()
    assert.same({ "other", "nested" }, order)
    other:join()
  end)

  it("of every kind works in a nested coroutine: receive, send, join", function()
    local endpoint = support.inproc()
    local server, client = Server { endpoint = endpoint, hwm = 1 }, Client { hwm = 1 }:connect(endpoint)
    local pull, push = server:pull(), client:push()
    local writer = zeroless.spawn(coroutine.wrap(function()
      for i = 1, 100 do push(tostring(i)) end
      return "written"
    end))
    local reader = coroutine.wrap(function()
      for message in pull do coroutine.yield(message) end
    end)
    for i = 1, 100 do assert.equal(tostring(i), reader()) end
    assert.equal("written", coroutine.wrap(function() return writer:join() end)())
    server:close()
    client:close()
    reader()
  end)

  it("leaves its coroutine to the host: nobody else may resume it", function()
    local co = coroutine.create(function()
      zeroless.sleep(0)
      return "done"
    end)
    local seen
    local other = zeroless.spawn(function()
      seen = { coroutine.status(co), coroutine.resume(co) }
    end)
    assert.same({ true, "done" }, { coroutine.resume(co) })
    other:join()
    assert.same({ "normal", false, "cannot resume running coroutine" }, seen)
    assert.equal("dead", coroutine.status(co))
  end)

  it("in a wrapped coroutine leaves that to the host, too", function()
    local f = coroutine.wrap(function() zeroless.sleep(0) end)
    local other = zeroless.spawn(function() return pcall(f) end)
    f()
    local ok, err = other:join()
    assert.is_false(ok)
    assert.matches("cannot resume running coroutine", err)
  end)

  it("in a coroutine of one task can be ended by another task's resume of its next part", function()
    local co = coroutine.create(function()
      zeroless.sleep(0)
      coroutine.yield "first"
      zeroless.sleep(0)
      return "second"
    end)
    assert.same({ true, "first" }, { coroutine.resume(co) })
    local other = zeroless.spawn(function() return coroutine.resume(co) end)
    assert.same({ true, "second" }, { other:join() })
  end)

  it("keeps the traceback of the script's lines", function()
    local result = support.run_script [[
local zeroless = require "zeroless"
local function deepest()
  zeroless.sleep(0)
  error "deep trouble"
end
local f = coroutine.wrap(function()
  local x = deepest()
  return x
end)
f()]]
    assert.equal(1, result.code)
    assert.matches("script.lua:10: [^\n]*script.lua:4: deep trouble\nstack traceback:", result.stderr)
    assert.matches("script.lua:10: in main chunk", result.stderr)
  end)
end)
