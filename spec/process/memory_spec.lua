-- SPDX-License-Identifier: MIT
-- Memory: --max-memory gives the script an error and never ends the process (docs/hazards.md, row 21);
-- sockets that nobody refers to are closed by the collector (row 18); what peers send is never decoded
-- (row 22).

local support = require "spec.support"
local zeroless = require "zeroless"
local uv = require "luv"
local Server, Client = zeroless.Server, zeroless.Client

local eaters = {
  "local t = {} for i = 1, math.huge do t[i] = {} end",
  "local s = 'x' while true do s = s .. s end",
  "local t = {} for i = 1, math.huge do t[i] = ('x'):rep(1000) .. i end",
  "local t = {} for i = 1, math.huge do t['k' .. i] = i end",
  "local t = {} for i = 1, math.huge do t[i] = function() return i end end",
  "local t = {} for i = 1, math.huge do t[i] = coroutine.wrap(function() coroutine.yield(i) end) t[i]() end",
  "local t = {} for i = 1, math.huge do t[i] = newproxy(true) end",
  "local f f = function(...) return f(1, ...) end f()",
  "require 'zeroless'.spawn(function() local t = {} for i = 1, math.huge do t[i] = { i } end end)",
  "local z, t = require 'zeroless', {} for i = 1, math.huge do t[i] = z.spawn(z.sleep, 1000) end",
}

describe("--max-memory", function()
  for i = 1, 2 * #eaters do
    local text = eaters[(i - 1) % #eaters + 1]
    local megabytes = i <= #eaters and 8 or 24
    it(("%d gives an error, exit code 1 and no abort: %s"):format(megabytes, text), function()
      local child = support.run_host { "--max-memory", megabytes, "-e", text }
      assert.equal(0, child.signal, child.stderr)
      assert.equal(1, child.code, child.stderr)
      assert.matches("zlrun: ", child.stderr)
    end)
  end

  it("leaves a script that catches the error in good health", function()
    local child = support.run_host { "--max-memory", "8", "-e", [[
local zeroless = require "zeroless"
local server = zeroless.Server { host = "127.0.0.1" }
local pull = server:pull()
local push = zeroless.Client():connect_local(server.port):push()
for i = 1, 20 do
  local ok, err = pcall(function()
    local t = {}
    for j = 1, math.huge do t[j] = ("x"):rep(1000) .. j end
  end)
  assert(not ok and tostring(err):match "not enough memory", err)
  collectgarbage()
  push("round " .. i)
  assert(pull() == "round " .. i)
end
print "healthy"]] }
    assert.equal("healthy\n", child.stdout, child.stderr)
    assert.equal(0, child.code)
  end)

  it("refuses a message that is larger, and the script goes on with the next", function()
    local server = Server { host = "127.0.0.1" }
    local push = server:push()
    local child = support.start_host { "--max-memory", "8", "-e", ([[
local pull = require "zeroless".Client():connect_local(%d):pull()
print(pcall(pull))
print(pull())]]):format(server.port) }
    push(("x"):rep(32 * 2 ^ 20))
    push "small"
    child:wait()
    server:close()
    assert.equal("false\tnot enough memory\nsmall\n", child.stdout, child.stderr)
    assert.equal(0, child.code)
  end)

  it("leaves room for a script that needs less", function()
    local child = support.run_host { "--max-memory", "64", "-e", [[
local t = {}
for i = 1, 1e5 do t[i] = i .. "" end
print(#t)]] }
    assert.equal("100000\n", child.stdout, child.stderr)
  end)

  it("too small for anything at all says so", function()
    local child = support.run_host { "--max-memory", "1", "-e", "local s = ('x'):rep(2^20) print(#s)" }
    assert.equal(1, child.code)
    assert.matches("not enough memory", child.stderr)
  end)
end)

describe("the collector", function()
  it("closes sockets that nobody refers to, and their number stays", function()
    local before = support.counts()
    local makers = {
      function(where) return Server(where):pull() end,
      function(where) return Server(where):push() end,
      function(where) return Server(where):pub() end,
      function(where) return Server(where):sub() end,
      function(where) return Server(where):request() end,
      function(where) return Server(where):reply() end,
      function(where) return Server(where):pair() end,
      function() return Client():pull() end,
      function() return Client():connect(support.inproc()):pub() end,
    }
    for _ = 1, 20 do
      for _, make in ipairs(makers) do
        for _ = 1, 5 do make { endpoint = support.inproc() } end
      end
      assert.is_true(support.counts() <= before, "sockets are left")
    end
  end)

  it("keeps a socket as long as one of its objects lives", function()
    local server = Server { endpoint = support.inproc() }
    local before = support.counts()
    local kept = { server, server:reply() }
    server = nil
    for i, open in ipairs { 1, 1, 0 } do
      assert.equal(before + 1, (support.counts()))
      kept[i] = nil
      assert.equal(before + open, (support.counts()))
    end
    assert.is_nil(server or kept[1])
  end)

  it("does not raise or close anything twice when objects are closed before", function()
    local before = support.counts()
    for _ = 1, 50 do
      local server = Server { endpoint = support.inproc() }
      local client = Client():connect(server.endpoint or support.inproc())
      local send, receive = server:pair()
      local push = client:push()
      push:close()
      send:close()
      receive:close()
      server:close()
      client:close()
    end
    assert.equal(before, (support.counts()))
  end)

  it("copes with objects whose making has failed", function()
    local before = support.counts()
    for _ = 1, 50 do
      pcall(Server, 1)
      pcall(Server, { endpoint = "no://endpoint" })
      pcall(function() Server { endpoint = "ipc:///no/such/folder/x" }:pull() end)
      pcall(function() Client { hwm = -1 } end)
      pcall(function() Client():connect("a", 99) end)
      pcall(function() Client():sub { topics = {} } end)
    end
    assert.equal(before, (support.counts()))
  end)

  it("cannot be called by a script on an object", function()
    local endpoint = support.inproc()
    local server = Server { endpoint = endpoint }
    local push = server:push()
    local task = zeroless.spawn(function() end)
    for _, object in ipairs { server, push, task, Client() } do
      assert.is_nil(object.__gc)
      assert.is_false(getmetatable(object))
      assert.has_error(function() setmetatable(object, {}) end)
    end
    task:join()
    server:close()
  end)

  it("takes all that is left at the end of the process", function()
    local child = support.run_script [[
local zeroless = require "zeroless"
keep = {}
for i = 1, 100 do
  local server = zeroless.Server { endpoint = "inproc://" .. i }
  keep[#keep + 1] = { server, server:pull(), zeroless.Client():connect("inproc://" .. i):push() }
  keep[#keep + 1] = zeroless.spawn(function() return keep end)
end
local proxy = newproxy(true)
getmetatable(proxy).__gc = function()
  for _, kept in ipairs(keep) do
    if type(kept) == "table" then
      pcall(kept[2].try, kept[2])
      pcall(kept[3], "late")
      pcall(kept[1].close, kept[1])
    end
  end
end
keep[#keep + 1] = proxy]]
    assert.equal(0, child.signal)
    assert.equal(0, child.code, child.stderr)
  end)
end)

describe("a script that once had much", function()
  it("gives it back, although smaller things were made after it", function()
    local child = support.run_host { env = { ASAN_OPTIONS = "quarantine_size_mb=1" }, "-e", [[
local zeroless = require "zeroless"
local function resident()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmRSS:%s*(%d+)"
    if kilobytes then return tonumber(kilobytes) end
  end
end
local much, tasks = {}, {}
for i = 1, 300 do much[i] = ("%08d"):format(i):rep(131072) end
for i = 1, 100 do tasks[i] = zeroless.spawn(zeroless.sleep, 1000) end
local full = resident()
much = nil
collectgarbage()
collectgarbage()
print(full - resident() > 200000)
zeroless.stop()]] }
    assert.equal("true\n", child.stdout, child.stderr)
  end)
end)

describe("what peers send", function()
  it("is never decoded: of our sources only the one that carries zeroless.state uses string.buffer", function()
    local sources = 0
    for _, folder in ipairs { "lua/zeroless", "lua/cli", "bindings", "runtime" } do
      local entries = uv.fs_scandir(support.root .. "/" .. folder)
      while entries do
        local name, kind = uv.fs_scandir_next(entries)
        if not name then break end
        if kind == "file" and name ~= "state.lua" then
          local file = assert(io.open(("%s/%s/%s"):format(support.root, folder, name)))
          local text = file:read "*a"
          file:close()
          sources = sources + 1
          assert.is_nil(text:find("string.buffer", 1, true), folder .. "/" .. name)
          assert.is_nil(text:find("%f[%w]decode%f[%W]"), folder .. "/" .. name)
        end
      end
    end
    assert.is_true(sources > 20, "the sources are not where they are looked for")
  end)
end)
