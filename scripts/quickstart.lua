-- A tour of the four patterns in one process: servers and clients that talk over TCP.
-- Run it: ./dev run
-- SPDX-License-Identifier: MIT

local zeroless = require "zeroless"
local Server, Client = zeroless.Server, zeroless.Client

zeroless.log.level = "warn" -- keeps the output to the story; "debug" logs every message

-- Push-pull distributes work. Server() takes a free port, known once the pattern is made.
local function push_pull()
  local server = Server()
  local listen_for_push = server:pull()
  local push = Client():connect_local(server.port):push()

  for _, job in ipairs{"wash", "dry", "fold"} do push(job) end

  for job in listen_for_push do
    print("  pulled " .. job)
    if job == "fold" then server:close() end -- ends the loop
  end
end

-- Publisher-subscriber broadcasts: every subscriber gets the topics it asked for. Here each is a task.
local function pub_sub()
  local server = Server()
  local pub = server:pub{topic = "weather", embed_topic = true}
  local readers = {}
  for i = 1, 2 do
    local listen_for_pub = Client():connect_local(server.port):sub{topics = {"weather"}}
    readers[i] = zeroless.spawn(function() return listen_for_pub() end)
  end

  pub:wait_subscribers(2)
  pub("sunny")
  for i, reader in ipairs(readers) do
    local topic, msg = reader:join()
    print("  subscriber " .. i .. " got " .. topic .. ": " .. msg)
  end
  server:close()
end

-- Request-reply is for remote calls. The server runs in a task of its own, beside the client.
local function request_reply()
  local server = Server()
  local reply, listen_for_request = server:reply()
  zeroless.spawn(function()
    for msg in listen_for_request do reply(msg:upper()) end
  end)

  local request, listen_for_reply = Client():connect_local(server.port):request()
  for _, msg in ipairs{"hello", "world"} do
    request(msg)
    print("  asked " .. msg .. ", was told " .. listen_for_reply())
  end
  server:close()
end

-- Pair connects exactly two peers; either may send at any time. A message may have several frames.
local function pair()
  local server = Server()
  local ping, listen_for_pong = server:pair()
  local pong, listen_for_ping = Client():connect_local(server.port):pair()

  ping("ping", "1")
  local word, number = listen_for_ping()
  pong("pong", tostring(number + 1))
  print("  heard " .. word .. " " .. number .. ", then " .. table.concat({listen_for_pong()}, " "))
  server:close()
end

print "push/pull"
push_pull()
print "pub/sub"
pub_sub()
print "request/reply"
request_reply()
print "pair"
pair()
print "\nThat was one process. Now try two terminals:"
print "  ./dev run scripts/patterns/push_pull_server.lua"
print "  ./dev run scripts/patterns/push_pull_client.lua"
