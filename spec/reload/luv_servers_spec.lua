-- SPDX-License-Identifier: MIT
-- Servers of luv's (TCP, pipes, UDP) through a reload: the new generation that binds the same address shares
-- the socket of the one before, so no connection is refused, whatever becomes of the reload.

local support = require "spec.support"
local worker = require "spec.reload.worker"
local uv = require "luv"

local http = [[
local uv = require "luv"
local server = uv.new_tcp()
assert(server:bind("127.0.0.1", %d))
assert(server:listen(128, function(err)
  assert(not err, err)
  local peer = uv.new_tcp()
  server:accept(peer)
  peer:write("generation " .. zeroless.generation .. "\n", function() peer:close() end)
end))
print("listening " .. zeroless.generation)]]

-- What a connection of its own is answered; nil and the error when it is refused.
local function ask(port)
  local tcp, text, failed = uv.new_tcp(), "", nil
  local over = false
  tcp:connect("127.0.0.1", port, function(err)
    if err then
      failed, over = err, true
      return
    end
    tcp:read_start(function(read_err, data)
      text = text .. (data or "")
      failed = failed or read_err
      over = over or not data
    end)
  end)
  support.eventually(function() return over end, "an answer")
  tcp:close()
  if failed then return nil, failed end
  return text
end

-- Asks all the time, until told to stop: the number of answers, and the errors.
local function askers(port)
  local zeroless = require "zeroless"
  local stopped, answers, errors = false, {}, {}
  local task = zeroless.spawn(function()
    while not stopped do
      local text, err = ask(port)
      if text and text ~= "" then answers[#answers + 1] = text else errors[#errors + 1] = err or "no answer" end
    end
  end)
  return function()
    stopped = true
    task:join()
    return answers, errors
  end
end

for _, options in ipairs { {}, { "--probation", "1" }, { "--watch" } } do
  local mode = options[1] or "a plain run"
  describe("a TCP server of luv's under " .. mode, function()
    it("refuses nobody while its script is saved, and lives on after each", function()
      local port = support.free_port()
      local w = worker.start { http:format(port), unpack(options) }
      w:expect "listening 1"
      local stop = askers(port)
      for i = 2, 5 do
        w:save(http:format(port) .. (" "):rep(i))
        if options[1] ~= "--watch" then w:kill "sighup" end
        w:expect("listening " .. i)
      end
      support.eventually(function() return ask(port) == "generation 5\n" end, "an answer of generation 5")
      local answers, errors = stop()
      assert.same({}, errors)
      assert.is_true(#answers > 0)
      assert.equal(0, w:has_told "the script has ended")
      w:ends(0, "sigterm")
      assert.is_nil(ask(port))
    end)
  end)
end

describe("a TCP server of luv's", function()
  it("accepts again when the new code fails in its start, or on probation", function()
    local port = support.free_port()
    local serve = "\nfor m in Server { endpoint = 'ipc://w.sock' }:pull() do if m == 'bad' .. zeroless.generation "
      .. "then error 'boom' end end"
    local w = worker.start { http:format(port) .. serve, "--probation", "1000" }
    w:expect "listening 1"
    local stop = askers(port)
    w:reload(http:format(port) .. " error 'at the start'")
    assert.equal("generation 1\n", ask(port))
    w:save(http:format(port) .. serve .. " ")
    w:kill "sighup"
    w:told "serves on probation"
    support.eventually(function() return ask(port) == "generation 2\n" end)
    w:client():push() "bad2"
    w:told("still serving generation 1", 2)
    support.eventually(function() return ask(port) == "generation 1\n" end)
    local _, errors = stop()
    for _, err in ipairs(errors) do assert.not_matches("REFUSED", err) end
  end)

  it("that was made for a family, or is bound by the function of the module, is shared, too", function()
    local port = support.free_port()
    local text = http:format(port):gsub("uv.new_tcp%(%)\nassert", "uv.new_tcp 'inet'\nassert")
      :gsub("server:bind%(", "uv.tcp_bind(server, ")
    local w = worker.start { text }
    w:expect "listening 1"
    w:reload(text .. " ")
    support.eventually(function() return ask(port) == "generation 2\n" end)
  end)

  it("bound twice by one generation is in use, as under luajit", function()
    local port = support.free_port()
    local text = http:format(port) .. "\n" .. [[
local second = uv.new_tcp()
second:bind("127.0.0.1", server:getsockname().port)
local ok, err = second:listen(1, print)
print(zeroless.generation, ok, err)]]
    local w = worker.start { text }
    w:expect "1\tnil\tEADDRINUSE"
    w:reload(text .. " ")
    w:expect "2\tnil\tEADDRINUSE"
  end)

  it("that the new script does not open is closed at the commit", function()
    local port = support.free_port()
    local w = worker.start { http:format(port) }
    w:expect "listening 1"
    w:reload "Server { endpoint = 'ipc://w.sock' }:pull()()"
    local _, err = ask(port)
    assert.matches("ECONNREFUSED", err)
  end)
end)

describe("a pipe server of luv's", function()
  local text = [[
local uv = require "luv"
local server = uv.new_pipe(false)
assert(server:bind "luv.sock")
assert(server:listen(8, function()
  local peer = uv.new_pipe(false)
  server:accept(peer)
  peer:write("generation " .. zeroless.generation, function() peer:close() end)
end))
print("listening " .. zeroless.generation)]]

  local function answer(w)
    local pipe, data, over = uv.new_pipe(false), nil, false
    pipe:connect(w.folder .. "/luv.sock", function(err)
      if err then
        data, over = err, true
        return
      end
      pipe:read_start(function(_, chunk)
        data = data or chunk
        over = over or not chunk
      end)
    end)
    support.eventually(function() return over end)
    pipe:close()
    return data
  end

  it("keeps its path through reloads, failed ones and probations, and gives it up at the end", function()
    for _, options in ipairs { {}, { "--probation", "1000" } } do
      local w = worker.start { text, unpack(options) }
      w:expect "listening 1"
      assert.equal("generation 1", answer(w))
      w:reload(text .. " error 'at the start'")
      assert.equal("generation 1", answer(w))
      w:save(text .. " ")
      w:kill "sighup"
      w:expect "listening 2"
      support.eventually(function() return answer(w) == "generation 2" end)
      if not options[1] then
        w:reload(text .. "  ")
        assert.equal("generation 3", answer(w))
      end
      w:ends(0, "sigterm")
      assert.is_nil(uv.fs_stat(w.folder .. "/luv.sock"))
    end
  end)

  it("may unlink its path first, as is common", function()
    local again = "os.remove 'luv.sock'\n" .. text
    local w = worker.start { again }
    w:expect "listening 1"
    for i = 2, 4 do
      w:reload(again .. (" "):rep(i))
      assert.equal("generation " .. i, answer(w))
    end
  end)
end)

describe("a UDP socket of luv's", function()
  it("is shared with the next generation", function()
    local port = support.free_port()
    local text = ([[
local uv = require "luv"
local udp = uv.new_udp()
assert(udp:bind("127.0.0.1", %d))
udp:recv_start(function(_, data) if data then print(zeroless.generation .. " " .. data) end end)
print("bound " .. zeroless.generation)]]):format(port)
    local w = worker.start { text, "--probation", "1000" }
    w:expect "bound 1"
    local udp = uv.new_udp()
    udp:try_send("a", "127.0.0.1", port)
    w:expect "1 a\n"
    w:save(text .. " ")
    w:kill "sighup"
    w:expect "bound 2"
    w:told "serves on probation"
    udp:try_send("b", "127.0.0.1", port)
    w:expect "2 b\n"
    udp:close()
  end)
end)
