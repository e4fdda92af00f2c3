-- SPDX-License-Identifier: MIT
-- Pieces that send and receive: both ends of a pattern in one script, and single sockets that may meet the
-- right peer, the wrong one, or nobody. $WORDS are addresses that a trial knows.

local patterns = {}

local shared = {
  "tcp://127.0.0.1:$TCPA", "tcp://127.0.0.1:$TCPB", "tcp://127.0.0.1:$TCPC", "ipc://$DIR/a", "ipc://$DIR/b",
  "inproc://a", "inproc://b",
}
local foreign = { "PUSH", "PULL", "PUB", "SUB", "XPUB", "XSUB", "REQ", "REP", "DEALER", "ROUTER", "PAIR" }

local options = {
  "hwm = 1", "hwm = 10", "send_hwm = 2", "receive_hwm = 1", "timeout = 0.05", "timeout = 0.3", "immediate = true",
  "heartbeat = 1", "heartbeat = 0", "max_message_size = 200", "linger = 0.1",
}

local function some_options(dice)
  local list = {}
  while dice:chance(35) and #list < 3 do list[#list + 1] = dice:pick(options) end
  if dice:chance(10) then list[#list + 1] = ('name = "name%d"'):format(dice.roll(3)) end
  return list
end

local function server(dice, endpoint)
  local words = some_options(dice)
  words[#words + 1] = endpoint and ("endpoint = %q"):format(endpoint) or 'host = "127.0.0.1"'
  return "Server{" .. table.concat(words, ", ") .. "}"
end

local function client(dice, ...)
  local text = "Client{" .. table.concat(some_options(dice), ", ") .. "}"
  for _, endpoint in ipairs { ... } do text = text .. (":connect(%q)"):format(endpoint) end
  return text
end

-- --- what is done with them ----------------------------------------------------------------------

local senders = {
  [[for i = 1, <count> do send("<name>", tostring(i), "<name>") end]],
  [[for i = 1, <count> do send("<name>", tostring(i), "<name>") zeroless.sleep(0.00<digit>) end]],
  [[local i = 0
while true do
  i = i + 1
  if send:try("<name>", tostring(i), "<name>") == nil or i % 10 == 0 then zeroless.sleep(0.005) end
end]],
  [[for i = 1, 10 do send("<name>", ("x"):rep(100000), "<name>") zeroless.sleep(0.02) end]],
  [[for i = 1, 10 do send("<name>", ("x"):rep(i * 50), "<name>") end send:close()]],
  [[send("<name>", "1", "<name>") send = nil collectgarbage() collectgarbage()]],
  [[for i = 1, <count> do try(send, "<name>", i, "<name>") send("<name>", "ok", "<name>") zeroless.sleep(0.01) end]],
  [[zeroless.every(0.01, function() send("<name>", "tick", "<name>") end)]],
  [[while true do if not send("<name>", "endless", "<name>") then zeroless.sleep(0.01) end end]],
}

local receivers = {
  [[repeat until check(<want>, receive()) == nil]],
  [[for a, b, c in receive do check(<want>, a, b, c) end]],
  [[for a, b, c in receive do check(<want>, a, b, c) zeroless.sleep(0.00<digit>) end]],
  [[for _ = 1, 300 do check(<want>, receive:recv(0.02)) end]],
  [[for _ = 1, 300 do if check(<want>, receive:try()) == nil then zeroless.sleep(0.01) end end]],
  [[for _ = 1, 3 do go(function() repeat until check(<want>, receive()) == nil end) end]],
  [[for a, b, c in receive do check(<want>, a, b, c) chaos.try_send("<name>") end]],
  [[for a, b, c in receive do check(<want>, a, b, c) local p = { a, b, c } collectgarbage "step" p = nil end]],
  [[zeroless.sleep(0.<digit>) receive:close()]],
  [[zeroless.sleep(1000)]],
  [[zeroless.spawn(function() for i = 1, <count> do check(<want>, receive()) end error "chaos: in a handler" end)]],
  [[local n = 0
zeroless.spawn(function()
  for a, b, c in receive do
    check(<want>, a, b, c)
    n = n + 1
    if n % <count> == 0 then error "chaos: in hand" end
  end
end)]],
}

local askers = {
  [[for i = 1, <count> do
  if ask("<name>", tostring(i), "<name>") then check(<want>, replies()) end
end]],
  [[for i = 1, <count> do
  if ask("<name>", tostring(i), "<name>") then check(<want>, replies:recv(0.1)) end
  zeroless.sleep(0.01)
end]],
  [[for i = 1, <count> do
  ask("<name>", tostring(i), "<name>")
  zeroless.sleep(0.05)
end]],
  [[for i = 1, <count> do
  if ask:try("<name>", tostring(i), "<name>") then check(<want>, replies()) else zeroless.sleep(0.02) end
end]],
}

local answerers = {
  [[for a, b, c in requests do reply(check(<want>, a, b, c)) end]],
  [[for a, b, c in requests do zeroless.sleep(0.00<digit>) reply(check(<want>, a, b, c)) end]],
  [[for _ = 1, 3 do go(function() for a, b, c in requests do zeroless.sleep(0.01) reply(a, b, c) end end) end]],
  [[for a, b, c in requests do try(reply, a, b, c) try(reply, a, b, c) end]],
  [[go(function() requests() end) for a, b, c in requests do reply(a, b, c) end]],
}

local function words(dice, name, want)
  return {
    name = name, want = want and ("%q"):format(name) or "nil", count = tostring(dice:pick { 1, 10, 100, 1000 }),
    digit = tostring(dice.roll(9)),
  }
end

local function part(dice, texts, name, want)
  return "go(function()\n" .. dice.fill(dice:pick(texts), words(dice, name, want)) .. "\nend)\n"
end

-- How each pattern is made, and what it is used for: a function of dice, name, want that gives text.
local function sends(dice, name) return part(dice, senders, name) end
local function receives(dice, name, want) return part(dice, receivers, name, want) end

local makers = {
  push = { ":push()", "send", sends },
  pull = { ":pull()", "receive", receives },
  pub = { ":pub()", "send", sends },
  sub = { ":sub()", "receive", receives },
  pair = { ":pair()", "send, receive", function(dice, name, want)
    return sends(dice, name) .. receives(dice, name, want)
  end },
  reply = { ":reply()", "reply, requests", function(dice, name, want) return part(dice, answerers, name, want) end },
  request = { ":request{timeout = 0.5}", "ask, replies", function(dice, name, want)
    return part(dice, askers, name, want)
  end },
}
local names = { "push", "pull", "pub", "sub", "pair", "reply", "request" }
local peers = { push = "pull", pub = "sub", request = "reply", pair = "pair" }

-- Text that opens a socket and uses it. `want`: its messages are of nobody else, so no other piece gets it.
local function use(dice, pattern, where, name, want)
  local how, results, usage = unpack(makers[pattern])
  if pattern == "request" and dice:chance(30) then how = ":request{timeout = 0.1, retries = 3}" end
  if pattern == "sub" and dice:chance(30) then how = ":sub{conflate = true}" end
  if pattern == "pub" and dice:chance(30) then how = ":pub{lossless = true, timeout = 0.2}" end
  local opened = want and where .. how or ("chaos.keep(%s%s)"):format(where, how)
  return ("local %s = %s\n%s"):format(results, opened, usage(dice, name, want))
end

-- --- pieces --------------------------------------------------------------------------------------

-- A single socket at an address that others use, too.
function patterns.single(dice)
  local endpoint = dice:pick(shared)
  local where
  if dice:chance(45) then
    where = server(dice, endpoint)
  elseif dice:chance(50) then
    where = client(dice, endpoint)
  elseif dice:chance(50) then
    where = client(dice, endpoint, dice:pick(shared))
  else
    where = client(dice, "tcp://127.0.0.1:$" .. dice:pick(foreign))
  end
  return use(dice, dice:pick(names), where, dice:name "single")
end

local function own_address(dice, name)
  local kind = dice.roll(3)
  if kind == 1 then return "inproc://" .. name end
  if kind == 2 then return "ipc://$DIR/" .. name end
end

-- Both ends, at an address of their own: no message of anybody else comes there, or those that other pieces
-- send by their sockets.
function patterns.both(dice)
  local name = dice:name "both"
  local pattern = dice:pick { "push", "push", "pub", "request", "request", "pair" }
  local address = own_address(dice, name)
  local near, far = pattern, peers[pattern]
  if dice:chance(50) then near, far = far, near end
  local is_alone = dice.serial % 2 == 0
  local join = address and client(dice, address) or client(dice) .. ":connect_local(server.port)"
  return ("local server = %s\ndo\n%send\ndo\n%send\n"):format(server(dice, address),
    use(dice, near, "server", name, is_alone), use(dice, far, join, name, is_alone))
end

-- A script that asks itself, without a timeout, with a message in hand at times.
function patterns.asks_itself(dice)
  local name = dice:name "self"
  local address = own_address(dice, name) or "inproc://" .. name
  return dice.fill([[
local reply, requests = Server{endpoint = "<at>"}:reply()
go(function() for a, b, c in requests do zeroless.sleep(0.00<digit>) reply(a, b, c) end end)
local push, pull = Client():connect("<at>-jobs"), Server{endpoint = "<at>-jobs"}:pull()
push = push:push()
go(function() while true do push("<name>", "job", "<name>") zeroless.sleep(0.01) end end)
go(function()
  local ask, replies = Client():connect("<at>"):request()
  for a, b, c in pull do
    check("<name>", a, b, c)
    ask(a, b, c)
    check("<name>", replies())
  end
end)]], { at = address, name = name, digit = tostring(dice.roll(9)) })
end

-- A socket that comes and goes.
function patterns.comes_and_goes(dice)
  local pattern = dice:pick(names)
  local endpoint = dice:pick(shared)
  local where = dice:chance(50) and server(dice, endpoint) or client(dice, endpoint)
  return dice.fill([[
go(function()
  for i = 1, <count> do
    try(function()
      local x = <where>
      local one = x<how>
      if i % 3 == 0 then pcall(function() one:try("<name>", "1", "<name>") end) end
      zeroless.sleep(<pause>)
      if i % 2 == 0 then x:close() end
    end)
    if i % 5 == 0 then collectgarbage() end
  end
end)]], { count = tostring(dice:pick { 5, 30, 100 }), where = where, how = makers[pattern][1],
    pause = dice:pick { "0", "0.001", "0.02" }, name = dice:name "gone" })
end

-- Named sockets whose addresses differ from version to version, and some that only every other one opens.
function patterns.changes(dice)
  return dice.fill([[
local client = Client{name = "<name>"}
for i, at in ipairs { "tcp://127.0.0.1:$TCPA", "ipc://$DIR/<name>", "inproc://<name>" } do
  if (<version> + i) % 2 == 0 then client:connect(at) end
end
chaos.keep(client<how>)
chaos.keep(Server{name = "<name>s", endpoint = "inproc://<name>-<version>"}:pull())
if <version> % 2 == 1 then
  chaos.keep(Server{host = "127.0.0.1"}:pull(), Client():connect("inproc://<name>"):sub())
end]],
    { name = dice:name "changes", how = makers[dice:pick { "push", "pull", "sub", "pub", "reply" }][1],
      version = "<version>" })
end

-- Addresses that come and go under a socket that stays.
function patterns.moves(dice)
  local pattern = dice:pick(names)
  local first, second = dice:pick(shared), dice:pick(shared)
  return dice.fill([[
local client = <client>
local one = chaos.keep(client<how>)
go(function()
  for i = 1, 50 do
    try(function() client:connect("<second>") end)
    pcall(function() one:try("<name>", "1", "<name>") end)
    zeroless.sleep(<pause>)
    try(function() client:disconnect("<second>") end)
    if i % 10 == 0 then
      try(function() client:disconnect("<first>") end)
      zeroless.sleep(<pause>)
      try(function() client:connect("<first>") end)
    end
  end
  client:disconnect_all()
end)]], { client = client(dice, first), how = makers[pattern][1], first = first, second = second,
    pause = dice:pick { "0", "0.005", "0.03" }, name = dice:name "moves" })
end

return patterns
