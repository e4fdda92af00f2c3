-- SPDX-License-Identifier: MIT
-- An attempt to reload: what asks for one, what makes it fail, and its line in the log.

local support = require "spec.support"
local worker = require "spec.reload.worker"

-- Sends what it gets on to ipc://out, with a word of its own.
local function echo(word)
  return ([[
local handler = require "handler"
local pull, push = Server { endpoint = "ipc://w.sock" }:pull(), Client():connect "ipc://out":push()
print("generation " .. zeroless.generation)
for message in pull do push(%q .. handler(message)) end]]):format(word)
end

local handler = "return function(message) return message .. '!' end"

local function start(...)
  local w = worker.new { echo "one ", files = { ["handler.lua"] = handler }, ... }
  w.results = w:server "out":pull()
  w:run():expect "generation 1"
  w.push = w:client():push()
  return w
end

local function answer(w, message)
  w.push(message)
  return w.results()
end

describe("a reload", function()
  for _, option in ipairs { "--log-level=info", "--watch" } do
    it("is made at SIGHUP, with " .. option, function()
      local w = start(option)
      assert.equal("one a!", answer(w, "a"))
      for generation = 2, 4 do
        local attempt = w:reload()
        assert.equal("reloaded", attempt.msg)
        assert.equal("info", attempt.level)
        assert.equal(generation, attempt.generation)
        assert.equal("SIGHUP", attempt.trigger)
        assert.equal("commit", attempt.stage)
        assert.is_nil(attempt.error)
        assert.is_nil(attempt.files)
        w:expect("generation " .. generation)
        assert.equal("one b!", answer(w, "b"))
      end
    end)
  end

  it("tells the time of each stage in microseconds", function()
    local attempt = start():reload()
    for _, key in ipairs { "compile_us", "park_us", "start_us", "commit_us" } do
      assert.equal("number", type(attempt[key]), key)
      assert.is_true(attempt[key] >= 0 and attempt[key] % 1 == 0 and attempt[key] < 6e7)
    end
    assert.is_true(attempt.compile_us > 0)
  end)

  it("names the files that have changed", function()
    local w = start()
    assert.equal("worker.lua", w:reload(echo "two ").files)
    assert.equal("two a!", answer(w, "a"))
    w:write("handler.lua", handler:gsub("!", "?"))
    assert.equal("./handler.lua", w:reload().files)
    assert.equal("two a?", answer(w, "a"))
    w:write("handler.lua", handler)
    local files = w:reload(echo "three ").files
    assert.matches("worker.lua", files, 1, true)
    assert.matches("./handler.lua", files, 1, true)
    assert.equal("three a!", answer(w, "a"))
  end)

  it("gives the script the arguments of the first one", function()
    local w = worker.start { "print(#arg, arg[0], arg[1], ...) zeroless.sleep(1000)", arguments = { "a b", "" } }
    local line = "2\tworker.lua\ta b\ta b\t\n"
    w:expect(line)
    w:reload()
    assert.equal(line .. line, w.child.stdout)
  end)

  it("runs the code of -e again", function()
    local code = worker.prelude .. "print('generation ' .. zeroless.generation) zeroless.sleep(1000)"
    local child = support.start_host { "-e", code }
    child:expect "generation 1"
    child:kill "sighup"
    child:expect "generation 2"
    child:kill "sigterm"
    assert.equal(0, child:wait().code, child.stderr)
  end)

  it("of standard input fails: it cannot be read again", function()
    local child = support.start_host { "-" }
    child:write(worker.prelude .. "print('generation ' .. zeroless.generation) zeroless.sleep(1000)")
    child:close_input()
    child:expect "generation 1"
    child:kill "sighup"
    local all = child:expect "still serving generation 1"
    assert.matches("standard input cannot be read again", all, 1, true)
    child:kill "sigterm"
    assert.equal(0, child:wait().code, child.stderr)
    assert.equal("generation 1\n", child.stdout)
  end)

  it("starts afresh: globals, modules and the JIT's state of the generation before are gone", function()
    local w = worker.start { [[
print(zeroless.generation, leaked, package.loaded.mine, string.mine)
leaked, package.loaded.mine, string.mine = 1, 2, 3
zeroless.sleep(1000)]] }
    w:expect "1\tnil\tnil\tnil\n"
    w:reload()
    w:expect "2\tnil\tnil\tnil\n"
  end)

  it("is asked for once more by a signal that comes during one", function()
    local w = worker.start { [[
print("generation " .. zeroless.generation)
local ask, replies = Client():connect "ipc://elsewhere":request()
for message in Server { endpoint = "ipc://w.sock" }:pull() do
  ask(message)
  print("reply " .. replies())
end]] }
    local answer_it, requests = w:server "elsewhere":reply()
    w:client():push() "a"
    assert.equal("a", requests())
    w:park()
    w:park()
    answer_it "b"
    assert.equal(2, w:attempt(1).generation)
    assert.equal(3, w:attempt(2).generation)
    assert.equal("generation 1\nreply b\ngeneration 2\ngeneration 3\n", w:expect "generation 3")
  end)
end)

-- What fails, at which stage, with which error (plain).
local function save(text)
  return function(w) w:save(text) end
end

local function save_handler(text)
  return function(w) w:write("handler.lua", text) end
end

local failures = {
  { "a syntax error in the script", save "print 'a'\nlocal = 1", "compile",
    "worker.lua:2: '<name>' expected near '='" },
  { "a syntax error in a module", save_handler "\n\nreturn function(", "compile",
    "./handler.lua:3: <name> or '...' expected" },
  { "an empty script", function(w) w:write("worker.lua", "") end, "compile", "worker.lua is empty" },
  { "a script of blanks", function(w) w:write("worker.lua", " \n\t\r\n") end, "compile", "worker.lua is empty" },
  { "an empty module", save_handler "", "compile", "./handler.lua is empty" },
  { "no script", function(w) w:remove "worker.lua" end, "compile", "cannot open worker.lua: No such file" },
  { "a folder in its place", function(w)
    w:remove "worker.lua"
    os.execute("mkdir " .. w.folder .. "/worker.lua")
  end, "compile", "cannot open worker.lua: Is a directory" },
  { "a script cut off in the middle", save "for _ in pull do\n  print '", "compile",
    "worker.lua:2: unfinished string" },
  { "no module", function(w) w:remove "handler.lua" end, "start", "module 'handler' not found" },
  { "an error at the start", save "print 'a'\n\nerror 'boom'", "start", "worker.lua:3: boom" },
  { "an error in a module", save_handler "\nerror 'boom'", "start", "./handler.lua:2: boom" },
  { "an error that is a table", save "error {}", "start", "error object is a table value" },
  { "an error without a message", save "error()", "start", "an error without a message" },
  { "a misuse", save "\nServer(80)", "start", "worker.lua:2: Port 80 is invalid" },
  { "an endpoint that is not to be had", save [[
Server { endpoint = "ipc:///no/such/folder/w.sock" }:pull()]], "start", [[worker.lua:1: endpoint "ipc:///no/such/]] },
  { "a module that it needs and nobody has", save "require 'no.such'", "start", "module 'no.such' not found" },
}

describe("an attempt fails and changes nothing:", function()
  for _, case in ipairs(failures) do
    local name, harm, stage, text = unpack(case)
    it(name, function()
      local w = start()
      harm(w)
      local attempt = w:reload()
      assert.equal("reload failed; still serving generation 1", attempt.msg)
      assert.equal("error", attempt.level)
      assert.equal(2, attempt.generation)
      assert.equal("SIGHUP", attempt.trigger)
      assert.equal(stage, attempt.stage)
      assert.matches(text, attempt.error, 1, true)
      assert.not_matches("\n", attempt.error)
      assert.is_nil(attempt.commit_us)
      for i = 1, 3 do assert.equal("one " .. i .. "!", answer(w, tostring(i))) end
      os.execute("rm -rf " .. w.folder .. "/worker.lua")
      w:write("handler.lua", handler)
      attempt = w:reload(echo "two ")
      assert.equal("reloaded", attempt.msg)
      assert.equal(2, attempt.generation)
      assert.equal("two a!", answer(w, "a"))
    end)
  end

  it("ten times in a row", function()
    local w = start()
    for _ = 1, 10 do
      assert.equal("start", w:reload("local p = Server { endpoint = 'ipc://w.sock' }:pull() error 'boom'").stage)
      assert.equal("one a!", answer(w, "a"))
    end
    assert.equal(2, w:reload(echo "two ").generation)
    assert.equal("two a!", answer(w, "a"))
  end)

  it("the traceback of an error at the start is printed", function()
    local w = start()
    w:reload "local function f() error 'boom' end\nf()"
    assert.matches("zlrun: worker.lua:1: boom\nstack traceback:\n.-worker.lua:1: in function 'f'", w.child.stderr)
  end)
end)
