-- SPDX-License-Identifier: MIT
-- Pieces that use luv: timers, servers, children, requests of the thread pool, and peers that are none.

local actions = require "spec.soak.chaos.actions"

local luvs = {}

local function with_luv(text) return 'local uv = require "luv"\n' .. text end

local texts = {
  [[local timer = uv.new_timer()
timer:start(<ms>, <ms>, function() <action> end)]],
  [[local timer = uv.new_timer()
timer:start(<ms>, 0, function() <action> timer:close() end)]],
  [[local timer = uv.new_timer() timer:start(100000, 0, function() end)]],
  [[local server = uv.new_tcp()
server:bind("127.0.0.1", 0)
server:listen(16, function()
  local peer = uv.new_tcp()
  server:accept(peer)
  peer:read_start(function(_, data) if data then peer:write(data) else peer:close() end end)
end)
local tcp = uv.new_tcp()
tcp:connect("127.0.0.1", server:getsockname().port, function()
  tcp:write("hello")
  tcp:read_start(function(_, data) if data then tcp:write(data) <action> end end)
end)]],
  [[local peer = uv.new_tcp()
peer:bind("127.0.0.1", $TCPB)
peer:listen(16, function()
  local tcp = uv.new_tcp()
  peer:accept(tcp)
  <peer>
end)]],
  [[local tcp = uv.new_tcp()
tcp:connect("127.0.0.1", $TCPA, function(err)
  if err then return tcp:close() end
  tcp:write(("\255\0garbage\127"):rep(<ms>))
end)]],
  [[uv.spawn("/bin/sleep", { args = { "<seconds>" } }, function() <action> end)]],
  [[for _ = 1, 5 do uv.spawn("/bin/true", {}, function() <action> end) end]],
  [[local input, output = uv.new_pipe(false), uv.new_pipe(false)
local cat = uv.spawn("/bin/cat", { stdio = { input, output } }, function() end)
output:read_start(function(_, data) if data then input:write(data) end end)
input:write("round and round")
zeroless.after(0.<digit>, function() cat:kill("sigkill") end)]],
  [[local input = uv.new_pipe(false)
uv.spawn("/bin/true", { stdio = { input } }, function() end)
zeroless.after(0.2, function() input:write("to the dead") end)]],
  [[uv.fs_open("$DIR/fifo", "r", 0, function() <action> end)]],
  [[for _ = 1, 6 do uv.fs_open("$DIR/fifo", "r", 0, function() end) end]],
  [[uv.new_work(function() os.execute("sleep <seconds>") return 1 end, function() <action> end):queue()]],
  [[local function sum(n) local s = 0 for i = 1, n do s = s + i end return s end
local work = uv.new_work(sum, function() <action> end)
for _ = 1, 10 do work:queue(1000000) end]],
  [[uv.getaddrinfo("<host>", "80", {}, function() <action> end)]],
  [[uv.getaddrinfo("<host>", nil, { socktype = "stream" })]],
  [[for i = 1, 20 do uv.fs_stat("$DIR/main.lua", function() <action> end) end]],
  [[local function again() uv.fs_stat("$DIR", again) end again()]],
  [[local idle = uv.new_idle() idle:start(function() end) zeroless.after(0.<digit>, function() idle:stop() end)]],
  [[local check_handle = uv.new_check() check_handle:start(function() <action> end)]],
  [[local prepare = uv.new_prepare() prepare:start(function() <action> end)]],
  [[local async = uv.new_async(function() <action> end) for _ = 1, 5 do async:send() end]],
  [[local signal = uv.new_signal() signal:start("<signal>", function() <action> end)
zeroless.after(0.1, function() if signal:is_active() then uv.kill(uv.os_getpid(), "<signal>") end end)]],
  [[local event = uv.new_fs_event() event:start("$DIR", {}, function() <action> end)]],
  [[local poll = uv.new_fs_poll() poll:start("$DIR/main.lua", 50, function() <action> end)]],
  [[zeroless.after(0.<digit>, function()
  uv.walk(function(handle) if not handle:is_closing() then handle:close() end end)
end)]],
  [[zeroless.after(0.<digit>, function() try(uv.run, "nowait") try(uv.stop) end)]],
  [[zeroless.after(0.<digit>, function() try(uv.run) end)]],
  [[zeroless.after(0.<digit>, function() try(uv.loop_close) end)]],
  [[for i = 1, 200 do local timer = uv.new_timer() timer:start(i, i, function() end) end
collectgarbage() collectgarbage()]],
  [[go(function() for _ = 1, 50 do uv.new_timer():close() uv.new_tcp():close() zeroless.sleep(0.01) end end)]],
  [[local co = coroutine.wrap(function() zeroless.sleep(0.05) <action> end)
local timer = uv.new_timer() timer:start(10, 0, function() try(co) end)]],
  [[local udp = uv.new_udp() udp:bind("127.0.0.1", 0)
udp:recv_start(function() <action> end)
zeroless.every(0.05, function() udp:send("x", "127.0.0.1", udp:getsockname().port, function() end) end)]],
  [[local thread = uv.new_thread(function() os.execute("sleep 0.2") end)
zeroless.after(0.1, function() thread:join() end)]],
}

local peers = {
  "tcp:close()", "-- silent", 'tcp:write("HTTP/1.1 400 Bad Request\\r\\n\\r\\n")',
  'tcp:write("\\255\\0\\0\\0\\0\\0\\0\\0\\1\\127\\3")',
  "tcp:read_start(function(_, data) if data then tcp:write(data) end end)",
  "zeroless.after(0.05, function() tcp:close() end)",
}

function luvs.any(dice)
  return with_luv(dice.fill(dice:pick(texts), {
    ms = tostring(dice:pick { 1, 10, 50 }), digit = tostring(dice.roll(9)), action = actions.quiet(dice),
    peer = dice:pick(peers), seconds = dice:pick { "0.1", "0.5", "3" },
    host = dice:pick { "localhost", "no-such-host.invalid", "127.0.0.1" }, signal = dice:pick { "sigusr2", "sighup" },
  }))
end

return luvs
