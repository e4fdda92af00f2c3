-- SPDX-License-Identifier: MIT
-- Nobody there, or a wrong one inside the same script: what is sent waits, and is never taken for sent. A
-- request that was given up is never executed. Requests are those of REQ on the wire.

local support = require "spec.support"
local kinds = require "spec.interop.kinds"

local prelude = [[
local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client
io.stdout:setvbuf "no"
]]

local function warned(text, endpoint)
  for line in text:gmatch "[^\n]+" do
    local level = line:match "level=(%l+)"
    if (level == "warn" or level == "error") and line:find(endpoint, 1, true) then return line end
  end
end

describe("nobody at the address:", function()
  for _, pattern in ipairs { "push", "request", "pair" } do
    for _, transport in ipairs { "tcp", "ipc", "inproc" } do
      it(("a %s over %s waits, and gives up with nothing sent"):format(pattern, transport), function()
        local endpoint = ({
          tcp = "tcp://127.0.0.1:" .. support.free_port(), ipc = "ipc://" .. support.folder() .. "/nobody",
          inproc = support.inproc(),
        })[transport]
        local child = support.run_script(prelude .. ([[
local client = Client{timeout = 0.1}:connect(%q)
local send = client:%s()
print("sent", send("hello"))
print("again", send("hello"))
print("tried", send:try("hello"))
]]):format(endpoint, pattern))
        assert.matches("sent\tnil\ttimeout\n", child.stdout, 1, true)
        assert.matches("again\tnil\ttimeout\n", child.stdout, 1, true)
        assert.matches("tried\tnil\tfull\n", child.stdout, 1, true)
        -- Nothing was sent, so nothing is lost and nobody is waited for.
        assert.equal(0, child.code, child.stderr)
        assert.not_matches("lost", child.stderr, 1, true)
      end)
    end
  end
end)

describe("a wrong pattern inside one script", function()
  local right = { push = "pull", request = "reply", pair = "pair", pull = "push", reply = "request" }
  local all = { "push", "pull", "pub", "sub", "request", "reply", "pair" }
  local lines = {
    server_first = [[
local server = Server{endpoint = E, timeout = TS}
local made, a = pcall(function() return (server[S](server)) end)
local client = Client{timeout = TC}
local joined, b = pcall(function() return (client:connect(E)[C](client)) end)]],
    client_first = [[
local client = Client{timeout = TC}
local joined, b = pcall(function() return (client:connect(E)[C](client)) end)
local server = Server{endpoint = E, timeout = TS}
local made, a = pcall(function() return (server[S](server)) end)]],
  }
  local is_sender = { push = true, request = true, pair = true }
  -- timeout is an option of senders alone, one day.
  local function timeout_of(pattern) return is_sender[pattern] and "0.1" or "nil" end

  for _, order in ipairs { "server_first", "client_first" } do
    for _, client in ipairs(all) do
      for _, server in ipairs(all) do
        local pair = { client = client, server = server }
        for _, sender in ipairs { "client", "server" } do
          if is_sender[pair[sender]] and right[client] ~= server then
            it(("%s: a %s that binds, a %s that connects: the %s's send is not taken for sent"):format(order, server,
              client, sender), function()
              local endpoint = support.inproc()
              local child = support.run_script(prelude .. ([[
local E, S, C, TS, TC = %q, %q, %q, %s, %s
%s
if not made then print("refused", a) end
if not joined then print("refused", b) end
if made and joined then print("sent", %s "hello") end
]]):format(endpoint, server, client, timeout_of(server), timeout_of(client), lines[order],
                sender == "client" and "b" or "a"))
              assert.equal(0, child.code, child.stderr)
              local refused = child.stdout:match "refused\t([^\n]*)"
              if refused then
                assert.matches(endpoint, refused, 1, true)
              else
                assert.matches("sent\tnil\ttimeout\n", child.stdout, 1, true)
                assert.is_truthy(warned(child.stderr, endpoint), child.stderr)
              end
            end)
          end
        end
      end
    end
  end
end)

describe("a request that was given up", function()
  for _, kind in ipairs { "REP", "ROUTER" } do
    for _, options in ipairs { "timeout = 0.2", "timeout = 0.1, retries = 2" } do
      it(("(%s) is never executed by a %s that starts later"):format(options, kind), function()
        local endpoint = "tcp://127.0.0.1:" .. support.free_port()
        local child = support.start_host { support.file(prelude .. kinds.await_line .. ([[
local ask, replies = Client():connect(%q):request{%s}
local given_up = 0
for i = 1, 5 do
  if ask("given up " .. i) then
    if replies() == nil then given_up = given_up + 1 end
  else
    given_up = given_up + 1
  end
end
print("given up", given_up)
await_line()
local answer
repeat
  if ask "alive" then answer = replies() end
until answer
print("answer", answer)
await_line()
]]):format(endpoint, options)) }
        child:expect "given up\t5\n"
        local foreign = kinds.start()
        local number = foreign:ask("bind", kind, endpoint)
        child:write "\n"
        child:expect "answer\talive\n"
        -- Those given up would have come before that one.
        local count, odd = foreign:count(number)
        assert.same({ 1, 0 }, { count, odd })
        child:write "\n"
        child:wait()
        foreign:stop()
        assert.equal(0, child.code, child.stderr)
      end)
    end
  end

  it("is not waited for at the end", function()
    local port = support.free_port()
    local child = support.run_host { "--drain-timeout", support.patience * 2, support.file(prelude .. ([[
local ask, replies = Client():connect_local(%d):request{timeout = 0.2}
if ask "hello" then print(replies()) end
]]):format(port)) }
    assert.equal(0, child.code, child.stderr)
  end)
end)

describe("a request", function()
  local function ask_ten(endpoint)
    return support.run_script(prelude .. ([[
local ask, replies = Client():connect(%q):request{timeout = %d}
for i = 1, 10 do
  ask("number " .. i)
  print(replies())
end
]]):format(endpoint, support.patience))
  end

  for _, transport in ipairs { "tcp", "ipc" } do
    for _, kind in ipairs { "REP", "ROUTER" } do
      it(("is answered by a %s over %s, as REQ's would be"):format(kind, transport), function()
        local foreign = kinds.start()
        local number, endpoint = foreign:ask("bind", kind, kinds.address(transport))
        local child = ask_ten(endpoint)
        for i = 1, 10 do assert.matches("number " .. i .. "\n", child.stdout, 1, true) end
        assert.same({ 10, 0 }, { foreign:count(number) })
        foreign:stop()
      end)
    end

    it("passes a queue of ROUTER and DEALER over " .. transport, function()
      local foreign = kinds.start()
      local front, back = foreign:ask("queue", kinds.address(transport), kinds.address(transport))
      foreign:ask("connect", "REP", back)
      local child = ask_ten(front)
      for i = 1, 10 do assert.matches("number " .. i .. "\n", child.stdout, 1, true) end
      foreign:stop()
    end)

    it("passes such a queue to a reply of zlrun's over " .. transport, function()
      local foreign = kinds.start()
      local front, back = foreign:ask("queue", kinds.address(transport), kinds.address(transport))
      local worker = support.start_host { support.file(prelude .. ([[
local reply, requests = Client():connect(%q):reply()
for body in requests do reply(body) end
]]):format(back)) }
      local child = ask_ten(front)
      for i = 1, 10 do assert.matches("number " .. i .. "\n", child.stdout, 1, true) end
      worker:kill "sigterm"
      worker:wait()
      foreign:stop()
    end)
  end
end)
