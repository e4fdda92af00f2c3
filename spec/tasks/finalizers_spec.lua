-- SPDX-License-Identifier: MIT
-- Finalizers (__gc of newproxy, ffi.gc) that call zlrun: one may run wherever Lua allocates, so also between
-- the host and the strings of a message (docs/hazards.md, row 36), and while a state is closed.

local support = require "spec.support"
local zeroless = require "zeroless"
local ffi = require "ffi"
local Server, Client = zeroless.Server, zeroless.Client

local function pipe()
  local endpoint = support.inproc()
  local server, client = Server { endpoint = endpoint, hwm = 0 }, Client { hwm = 0 }:connect(endpoint)
  return client:push(), server:pull(), function() server:close() client:close() end
end

local function drop(f)
  getmetatable(newproxy(true)).__gc = f
  ffi.gc(ffi.new "char[16]", f)
end

-- `count` messages of 1 to 11 frames, with a finalizer that runs `final` for each.
local function exchange(count, push, pull, final)
  for i = 1, count do
    drop(final)
    local frames, n = {}, i % 11 + 1
    for k = 1, n do frames[k] = ("%d.%d."):format(i, k) .. ("x"):rep(i % 50) end
    push(unpack(frames))
    local received = { pull() }
    assert(#received == n, "another number of frames")
    for k = 1, n do assert(received[k] == frames[k], "a frame of another message") end
  end
end

describe("finalizers that send and receive", function()
  for _, jit_mode in ipairs { "on", "off" } do
    it("change none of 30,000 messages on their way, nor do they lose their own: JIT " .. jit_mode, function()
      local push, pull, close = pipe()
      local own_push, own_pull, own_close = pipe()
      local sent, received = 0, 0
      jit[support.jit and jit_mode or "off"]()
      local ok, err = pcall(exchange, 30000, push, pull, function()
        sent = sent + 1
        own_push("a" .. sent, "b" .. sent, "c" .. sent)
        local a, b, c = own_pull:try()
        received = received + 1
        if a ~= "a" .. received or b ~= "b" .. received or c ~= "c" .. received then received = -1e9 end
      end)
      jit[support.jit and "on" or "off"]()
      collectgarbage()
      close()
      own_close()
      assert.is_true(ok, err)
      assert.is_true(sent > 1000)
      assert.equal(sent, received)
    end)
  end

  it("may use every way to receive, and the requests of a reply", function()
    local push, pull, close = pipe()
    local endpoint = support.inproc()
    local server, client = Server { endpoint = endpoint }, Client():connect(endpoint)
    local reply, requests = server:reply()
    local request, replies = client:request()
    local n, failure, ways = 0, nil, {
      function() return requests() end, function() return requests:recv(1) end, function() return requests:try() end,
    }
    local function ask()
      n = n + 1
      request("ask " .. n)
      assert(ways[n % 3 + 1]() == "ask " .. n, "another question")
      reply "answer"
      assert(replies() == "answer", "another answer")
    end
    exchange(3000, push, pull, function()
      local ok, err = pcall(ask) -- LuaJIT crashes over errors of finalizers in compiled code
      failure = failure or not ok and err
    end)
    jit.flush()
    collectgarbage()
    server:close()
    client:close()
    close()
    assert.is_falsy(failure)
    assert.is_true(n > 100)
  end)

  it("raise where they would have to wait, and the message on its way is whole", function()
    local push, pull, close = pipe()
    local _, empty, empty_close = pipe()
    local text
    exchange(2000, push, pull, function() text = select(2, pcall(empty)) end)
    close()
    empty_close()
    assert.matches("cannot wait here", text)
  end)
end)

local everything = [[
local zeroless, uv = require "zeroless", require "luv"
local server = zeroless.Server { endpoint = "inproc://x" }
local push, pull = zeroless.Client():connect("inproc://x"):push(), server:pull()
push "in the queue"
local calls = {
  function() push "x" end, function() push("x", "y") end, function() push:try "x" end, function() pull() end,
  function() pull:try() end, function() zeroless.spawn(print) end, function() zeroless.sleep(1) end,
  function() zeroless.Server { host = "127.0.0.1" }:pull() end, function() zeroless.every(1, print) end,
  function() zeroless.Client():connect_local(1025):push() end, function() zeroless.stop(9) end,
  function() os.exit(8) end, function() zeroless.log.handler(print) end, function() push:close() end,
  function() server:close() end, function() zeroless.on_reload(print) end, function() zeroless.on_stop(print) end,
  function() uv.new_timer():start(1, 1, function() print "never" end) end, function() uv.run() end,
}
kept = {}
for i, f in ipairs(calls) do
  for _, again in ipairs { function() end, f } do
    local function final()
      local ok, err = pcall(f)
      if ok or not tostring(err):match "call refused: this generation" then print(i, ok, err) end
      again()
    end
    local p = newproxy(true)
    getmetatable(p).__gc = final
    kept[#kept + 1] = { p, require "ffi".gc(require "ffi".new "int[1]", final) }
  end
end
]]

describe("finalizers that run while a state is closed", function()
  for name, last in pairs { ends = "", stops = "zeroless.stop()", fails = "error 'boom'" } do
    it("are refused whatever they call, when the script " .. name, function()
      local child = support.run_script(everything .. last)
      assert.equal(0, child.signal, child.stderr)
      -- What is in the queue is not handled: an error where the process was asked to stop.
      assert.equal(({ ends = 0, stops = 75, fails = 1 })[name], child.code, child.stderr)
      assert.equal("", child.stdout)
    end)
  end

  it("do not keep a restarted script, or its process, from anything", function()
    local child = support.run_host { "--restart", support.file(everything .. [[
zeroless.state.n = (zeroless.state.n or 0) + 1
if zeroless.state.n == 1 then error "boom" end
zeroless.sleep(0.01)
os.exit(5)]]) }
    assert.equal(5, child.code, child.stderr)
    assert.equal("", child.stdout)
  end)
end)
