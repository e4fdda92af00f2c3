-- SPDX-License-Identifier: MIT
-- Every pattern towards every kind of foreign socket, either side, over tcp and ipc: what is sent to a wrong
-- one is never taken for sent, and a line says what is wrong.

local support = require "spec.support"
local kinds = require "spec.interop.kinds"

local LINE_PATIENCE = 30 -- seconds until the line must be there; it is said within 5

-- Opens one socket of the pattern for each address, or as many servers as it is told, and sends from each in
-- a task of its own. A patient one waits for as long as it takes.
local script = [[
local zeroless = require "zeroless"
]] .. kinds.await_line .. [[
local Server, Client = zeroless.Server, zeroless.Client
io.stdout:setvbuf "no"
local side, pattern, patience = arg[1], arg[2], tonumber(arg[3])
local sockets = {}

local function send(i, sender)
  local ok, reason = sender("hello")
  print("sent", i, ok and "true" or reason)
end

for i = 4, #arg, 2 do
  local number, is_patient = (i - 2) / 2, arg[i + 1] == "patient"
  local options = pattern ~= "sub" and pattern ~= "pub" and { timeout = is_patient and patience or 1 } or {}
  local x
  if side == "client" then
    x = Client(options):connect(arg[i])
  else
    options.endpoint = arg[i]
    x = Server(options)
  end
  local first, second = x[pattern](x)
  sockets[number] = { first, second }
  print("made", number, side == "server" and x.endpoint or arg[i])
end

print "ready"
await_line()
for number, pair in ipairs(sockets) do
  if pattern ~= "sub" then zeroless.spawn(send, number, pair[1]) end
end
zeroless.sleep(1000)
]]

-- All kinds at once towards sockets of one pattern: what was sent, what came, what was said.
local function meet(side, pattern, transport)
  local foreign = kinds.start()
  local words = { support.file(script), side, pattern, support.patience, cwd = support.folder() }
  local numbers, found = {}, {}
  for i, kind in ipairs(kinds.names) do
    local address = kinds.address(transport)
    if side == "client" then
      numbers[i], address = foreign:ask("bind", kind, address)
    end
    words[#words + 1] = address
    words[#words + 1] = kinds.right[pattern][kind] and "patient" or "brief"
  end
  local child = support.start_host(words)
  child:expect "ready\n"
  for i, kind in ipairs(kinds.names) do
    local endpoint = child.stdout:match(("made\t%d\t(%%S+)"):format(i))
    if side == "server" then numbers[i] = foreign:ask("connect", kind, endpoint) end
    found[kind] = { endpoint = endpoint, number = numbers[i], index = i }
  end
  child:write "go\n"
  return { foreign = foreign, child = child, found = found, pattern = pattern }
end

local function sent(run, kind)
  if run.pattern == "sub" then return "nothing" end
  return support.eventually(function()
    return run.child.stdout:match(("sent\t%d\t(%%S+)"):format(run.found[kind].index))
  end, "what became of the send to " .. kind)
end

-- A warning or an error that names the endpoint and what is wrong with what speaks there.
local function said(run, kind)
  for line in run.child.stderr:gmatch "[^\n]+" do
    local level = line:match "level=(%l+)"
    if (level == "warn" or level == "error") and line:find(run.found[kind].endpoint, 1, true) then
      for _, word in ipairs { "handshake", "kind", "pattern", "type", " is no ", kind } do
        if line:find(word, 1, true) then return line end
      end
    end
  end
end

local function stop(run)
  run.child:kill "sigterm"
  run.child:wait()
  run.foreign:stop()
end

local function with_patience(seconds, f, ...)
  local before = support.patience
  support.patience = seconds
  local ok, value = pcall(f, ...)
  support.patience = before
  return ok and value
end

local cases = { "push", "request", "pair", "sub", "pub" }

for _, transport in ipairs { "tcp", "ipc" } do
  for _, side in ipairs { "client", "server" } do
    for _, pattern in ipairs(cases) do
      describe(("a %s of a %s over %s"):format(pattern, side, transport), function()
        local run
        setup(function() run = meet(side, pattern, transport) end)
        teardown(function() stop(run) end)

        for _, kind in ipairs(kinds.names) do
          if kinds.right[pattern][kind] then
            if pattern ~= "pub" and pattern ~= "sub" then
              it("reaches " .. kind, function()
                assert.equal("true", sent(run, kind))
                support.eventually(function() return run.foreign:count(run.found[kind].number) == 1 end, "the message")
                assert.is_nil(said(run, kind))
              end)
            end
          else
            it(("towards %s: nothing is taken for sent, and a line says why"):format(kind), function()
              local result = sent(run, kind)
              if pattern ~= "pub" and result == "true" then
                -- Only what has come may be said to be sent.
                assert.is_truthy(with_patience(5, support.eventually, function()
                  return run.foreign:count(run.found[kind].number) > 0
                end), "said to be sent, and nobody got it")
              else
                if pattern ~= "pub" and pattern ~= "sub" then assert.equal("timeout", result) end
                assert.is_truthy(with_patience(LINE_PATIENCE, support.eventually, function()
                  return said(run, kind)
                end), "no line about " .. run.found[kind].endpoint .. ":\n" .. run.child.stderr)
              end
            end)
          end
        end
      end)
    end
  end
end
