-- SPDX-License-Identifier: MIT
-- Runs every file of scripts/ as its first comment says, and checks its output.

local support = require "spec.support"
local uv = require "luv"
local zeroless = require "zeroless"

local folder = support.root .. "/scripts/"
local covered = {}

-- What the scripts of multipart/ print of the messages that they pass.
local two_frames = "1\t - \tMsg1\n2\t - \tMsg2\n3\t - \tMsg3\n"

local function start(name, ...)
  covered[name] = true
  return support.start_host{folder .. name, ...}
end

-- A port that nobody listens on at the moment.
local function free_port()
  local socket = assert(uv.new_tcp())
  assert(socket:bind("0.0.0.0", 0))
  local port = assert(socket:getsockname()).port
  socket:close()
  return port
end

-- Starts a server on a free port, and on another when somebody was quicker to take that one.
local function start_server(name)
  local server, port
  for _ = 1, 10 do
    port = free_port()
    server = start(name, port)
    support.eventually(function()
      return server.stderr:find("Ready...", 1, true) or server.code
    end, name .. " is ready")
    if server.code ~= 69 then break end
  end
  assert.is_nil(server.code, server.stderr)
  return server, port
end

local function ends_well(child)
  child:wait()
  assert.are.equal(0, child.code, child.stderr)
  assert.are.equal(0, child.signal)
  assert.is_nil(child.stderr:match "level=warn" or child.stderr:match "level=error", child.stderr)
end

local function interrupt(child)
  child:kill "sigint"
  ends_well(child)
end

local function client_prints(name, port, output)
  local client = start(name, port)
  ends_well(client)
  assert.are.equal(output, client.stdout)
end

describe("scripts/", function()
  it("quickstart.lua tells its story, ends by itself and says what to try next", function()
    covered["quickstart.lua"] = true
    local child = support.run_host{folder .. "quickstart.lua"}
    assert.are.equal(0, child.code, child.stderr)
    assert.are.equal("", child.stderr)
    assert.are.equal([[
push/pull
  pulled wash
  pulled dry
  pulled fold
pub/sub
  subscriber 1 got weather: sunny
  subscriber 2 got weather: sunny
request/reply
  asked hello, was told HELLO
  asked world, was told WORLD
pair
  heard ping 1, then pong 2
]], child.stdout:match "^(.-)\n[^\n]*Now try two terminals")
    local advice = child.stdout:match "Now try two terminals.*$"
    local named = {}
    for script in advice:gmatch "%./dev run scripts/(%S+)" do named[#named + 1] = script end
    assert.are.same({"patterns/push_pull_server.lua", "patterns/push_pull_client.lua"}, named)
    for _, script in ipairs(named) do assert.is_truthy(uv.fs_stat(folder .. script), script) end
  end)

  it("patterns/push_pull_server.lua prints what push_pull_client.lua pushes", function()
    local server, port = start_server "patterns/push_pull_server.lua"
    client_prints("patterns/push_pull_client.lua", port, "")
    server:expect "Msg3"
    client_prints("patterns/push_pull_client.lua", port, "")
    server:expect "Msg1\nMsg2\nMsg3\nMsg1\nMsg2\nMsg3\n"
    interrupt(server)
    assert.are.equal("Msg1\nMsg2\nMsg3\nMsg1\nMsg2\nMsg3\n", server.stdout)
  end)

  it("patterns/push_pull_client.lua delivers to a server that starts later", function()
    local port = free_port()
    local client = start("patterns/push_pull_client.lua", port)
    client:expect "Ready..."
    local server = start("patterns/push_pull_server.lua", port)
    server:expect "Msg3"
    ends_well(client)
    interrupt(server)
    assert.are.equal("Msg1\nMsg2\nMsg3\n", server.stdout)
  end)

  it("patterns/pub_sub_server.lua publishes to every pub_sub_client.lua that is there", function()
    local server, port = start_server "patterns/pub_sub_server.lua"
    local client = start("patterns/pub_sub_client.lua", port)
    client:expect "Msg3"
    ends_well(server)
    interrupt(client)
    assert.are.equal("sh\t - \tMsg1\nsh\t - \tMsg2\nsh\t - \tMsg3\n", client.stdout)
    assert.are.equal("", server.stdout)
  end)

  it("patterns/request_reply_server.lua replies to request_reply_client.lua", function()
    local server, port = start_server "patterns/request_reply_server.lua"
    client_prints("patterns/request_reply_client.lua", port, "Msg1\nMsg2\nMsg3\n")
    client_prints("patterns/request_reply_client.lua", port, "Msg1\nMsg2\nMsg3\n")
    interrupt(server)
    assert.are.equal("Msg1\nMsg2\nMsg3\nMsg1\nMsg2\nMsg3\n", server.stdout)
  end)

  it("patterns/pair_server.lua sends back what pair_client.lua sends", function()
    local server, port = start_server "patterns/pair_server.lua"
    client_prints("patterns/pair_client.lua", port, "Msg1\nMsg2\nMsg3\n")
    interrupt(server)
    assert.are.equal("Msg1\nMsg2\nMsg3\n", server.stdout)
  end)

  it("multipart/push_pull_server.lua prints both frames of what its client pushes", function()
    local server, port = start_server "multipart/push_pull_server.lua"
    client_prints("multipart/push_pull_client.lua", port, "")
    server:expect "Msg3"
    interrupt(server)
    assert.are.equal(two_frames, server.stdout)
  end)

  it("multipart/pub_sub_server.lua publishes its topic and two more frames", function()
    local server, port = start_server "multipart/pub_sub_server.lua"
    local client = start("multipart/pub_sub_client.lua", port)
    client:expect "Msg3"
    ends_well(server)
    interrupt(client)
    assert.are.equal(("\n" .. two_frames):gsub("\n(.)", "\nsh\t - \t%1"):sub(2), client.stdout)
  end)

  for _, name in ipairs{"request_reply", "pair"} do
    it("multipart/" .. name .. "_server.lua sends both frames back to its client", function()
      local server, port = start_server("multipart/" .. name .. "_server.lua")
      client_prints("multipart/" .. name .. "_client.lua", port, two_frames)
      interrupt(server)
      assert.are.equal(two_frames, server.stdout)
    end)
  end

  for _, pattern in ipairs{"push_pull", "request_reply", "pair", "pub_sub"} do
    for _, place in ipairs{"patterns/", "multipart/"} do
      local name = place .. pattern .. "_server.lua"
      it(name .. " ends at once and cleanly when no client came", function()
        interrupt((start_server(name)))
      end)
    end
  end

  it("a second server on the port is told who holds it, and exits with 69", function()
    local server, port = start_server "patterns/push_pull_server.lua"
    local second = start("patterns/push_pull_server.lua", port):wait()
    assert.are.equal(69, second.code)
    local held = "push_pull_server.lua:10: Port %d is already in use by zlrun, pid %d"
    local told = held:format(port, server.pid)
    assert.is_truthy(second.stderr:find(told, 1, true), second.stderr)
    interrupt(server)
  end)

  it("recipes/dead_letters.lua shows what a worker could not handle, and pushes it to one that can", function()
    local letters = support.folder() .. "/letters"
    local port = support.free_port()
    local worker = support.start_host{
      "--restart", "--redeliver", "1", "--dead-letter", letters, support.file [[
local zeroless = require "zeroless"
for name, msg in zeroless.Server(tonumber(arg[1])):pull() do
  if msg == "bad" then error "no" end
  print(name, msg)
end
]], port }
    local push = zeroless.Client():connect_local(port):push()
    push("1", "good")
    push("2", "bad")
    push("3", "")
    worker:expect "3\t\n"
    push:close()
    worker:kill "sigterm"
    worker:wait()
    local shown = start("recipes/dead_letters.lua", letters)
    ends_well(shown)
    assert.are.equal("2\t - \tbad\n", shown.stdout)

    local server = zeroless.Server{host = "127.0.0.1"}
    local pull = server:pull()
    ends_well(start("recipes/dead_letters.lua", letters, "127.0.0.1", server.port))
    assert.are.same({"2", "bad"}, {pull:recv(support.patience)})
    server:close()
  end)

  it("recipes/dead_letters.lua says so when its file was cut off", function()
    local whole = "\0\0\0\2\0\0\0\1a\0\0\0\2bc"
    for size = 1, 2 * #whole - 1 do
      local shown = start("recipes/dead_letters.lua", support.file((whole .. whole):sub(1, size))):wait()
      local count = math.floor(size / #whole)
      assert.are.equal(("a\t - \tbc\n"):rep(count), shown.stdout)
      assert.are.equal(size == #whole and 0 or 1, shown.code, shown.stderr)
      assert.are.equal(size ~= #whole, shown.stderr:find("ends in the middle of a message", 1, true) ~= nil)
    end
  end)

  it("hot_reload/worker.lua answers with each handler.lua that is saved, and client.lua waits for none", function()
    covered["hot_reload/worker.lua"], covered["hot_reload/client.lua"] = true, true
    covered["hot_reload/handler.lua"] = true
    local own = support.folder()
    os.execute(("cp '%shot_reload/'*.lua '%s'"):format(folder, own))
    local function save(text)
      local file = assert(io.open(own .. "/handler.lua", "w"))
      assert(file:write(text))
      file:close()
    end
    local port = support.free_port()
    local worker = support.start_host{"--watch", own .. "/worker.lua", port}
    worker:expect "Ready..."
    local client = support.start_host{own .. "/client.lua", port}
    client:expect "Hello you, this is answer 1\n"
    save [[return function(name, number) return "Bye " .. name .. " " .. number end]]
    client:expect "Bye you"
    save "a mistake"
    worker:expect "still serving generation 2"
    save [[return function(name, number) return "Back, " .. name .. " " .. number end]]
    client:expect "Back, you"
    local bye, back = client.stdout:match "Bye you (%d+)", client.stdout:match "Back, you (%d+)"
    assert.is_true(tonumber(bye) > 1 and tonumber(back) > tonumber(bye))
    interrupt(client)
    worker:kill "sigterm"
    worker:wait()
    assert.are.equal(0, worker.code, worker.stderr)
  end)

  it("hot_reload/worker.lua finds its handler when it is started in its own folder", function()
    local worker = support.start_host{"worker.lua", support.free_port(); cwd = folder .. "hot_reload"}
    worker:expect "Ready..."
    interrupt(worker)
  end)

  -- The path of each script, from `folder`.
  local function each_file()
    local found = {}
    for name, kind in uv.fs_scandir_next, assert(uv.fs_scandir(folder)) do
      if kind == "directory" then
        for inner in uv.fs_scandir_next, assert(uv.fs_scandir(folder .. name)) do
          found[#found + 1] = name .. "/" .. inner
        end
      else
        found[#found + 1] = name
      end
    end
    for i = #found, 1, -1 do
      if found[i]:match "README%.md$" then table.remove(found, i) end
    end
    return ipairs(found)
  end

  -- Stands last: the cases before it have filled `covered`.
  it("holds no file that no case here runs", function()
    for _, name in each_file() do
      assert.is_true(covered[name] or false, name .. " is not covered")
    end
  end)

  it("says in the first comment of each file how to run it", function()
    for _, name in each_file() do
      local file = assert(io.open(folder .. name))
      local text = file:read "*a"
      file:close()
      local comment = text:match "^(%-%- %u.-)\n\n" or ""
      local command = name == "quickstart.lua" and "./dev run"
        or name:gsub("handler", "worker"):gsub("^", "scripts/")
      assert.is_truthy(comment:find("./dev run", 1, true) and comment:find(command, 1, true), name)
    end
  end)
end)
