-- SPDX-License-Identifier: MIT
-- The log: levels, records, handlers, and the three forms of a line. What is written to standard error
-- is looked at in scripts of their own.

local support = require "spec.support"
local zeroless = require "zeroless"
local log = zeroless.log

local prelude = [[local zeroless = require "zeroless" local log = zeroless.log ]]

local function run(text, ...)
  local arguments = { ... }
  arguments[#arguments + 1] = support.file(prelude .. text)
  local child = support.run_host(arguments)
  assert.equal(0, child.code, child.stderr)
  return child.stderr, child.stdout
end

-- Runs f with a handler: the records that it got.
local function records_of(f, level)
  local records, before = {}, log.level
  log.level = level or "debug"
  log.handler(function(record) records[#records + 1] = record end)
  local ok, err = pcall(f)
  log.handler(nil)
  log.level = before
  assert(ok, err)
  return records
end

describe("log.debug, info, warn, error", function()
  it("make a record with time, level, message, source and fields", function()
    for _, level in ipairs { "debug", "info", "warn", "error" } do
      local line
      local records = records_of(function()
        line = debug.getinfo(1, "l").currentline + 1
        log[level]("what happened", { peer = "a", count = 3 })
      end)
      assert.equal(1, #records)
      local record = records[1]
      assert.equal(level, record.level)
      assert.equal("what happened", record.message)
      assert.equal("spec/process/log_spec.lua:" .. line, record.source)
      assert.equal("a", record.fields.peer)
      assert.equal("3", tostring(record.fields.count))
    end
  end)

  it("have the seconds of the wall clock, also where somebody set it while the record was made", function()
    support.eventually(function()
      local before = os.time()
      local time = records_of(function() log.info "now" end)[1].time
      return time >= before - 1 and time <= os.time() + 1
    end, "a record with the time of its making")
  end)

  it("go without fields", function()
    assert.same({}, records_of(function() log.info "alone" end)[1].fields)
  end)

  it("take messages with any bytes", function()
    local message = "a\0b\n\"\\\255"
    assert.equal(message, records_of(function() log.info(message) end)[1].message)
  end)

  it("raise at the caller's line for a message that is no string and fields that are no table", function()
    for _, message in ipairs { 1, {}, true } do
      local ok, err = pcall(function() log.info(message) end)
      assert.is_false(ok)
      assert.matches("log_spec.lua:%d+: a log message must be a string, not a " .. type(message), err)
    end
    assert.has_error(function() log.warn() end)
    local ok, err = pcall(function() log.error("x", "y") end)
    assert.is_false(ok)
    assert.matches("log_spec.lua:%d+: fields must be a table", err)
  end)

  it("raise for fields without names", function()
    records_of(function()
      local ok, err = pcall(function() log.info("x", { "y" }) end)
      assert.is_false(ok)
      assert.matches("fields must have names", err)
    end)
  end)
end)

describe("log.level", function()
  it("lets through what is at least as grave", function()
    local levels = { "debug", "info", "warn", "error", "silent" }
    for i, threshold in ipairs(levels) do
      local records = records_of(function()
        for j = 1, 4 do log[levels[j]]("x") end
      end, threshold)
      assert.equal(5 - i, #records)
      for j, record in ipairs(records) do assert.equal(levels[i + j - 1], record.level) end
    end
  end)

  it("reads as it was set", function()
    local before = log.level
    for _, level in ipairs { "debug", "info", "warn", "error", "silent" } do
      log.level = level
      assert.equal(level, log.level)
    end
    log.level = before
  end)

  it("raises for what is no level, and stays", function()
    local before = log.level
    for _, level in ipairs { "loud", "", "INFO", 1, {} } do
      local ok, err = pcall(function() log.level = level end)
      assert.is_false(ok)
      assert.matches("log_spec.lua:%d+: log.level must be debug, info, warn, error or silent", err)
    end
    assert.equal(before, log.level)
  end)

  it("is the only property that can be set", function()
    local ok, err = pcall(function() log.levle = "debug" end)
    assert.is_false(ok)
    assert.matches("log_spec.lua:%d+: log has no property 'levle'", err)
  end)

  it("is info at first, and what --log-level says", function()
    local _, level = run "print(log.level)"
    assert.equal("info\n", level)
    _, level = run("print(log.level)", "--log-level", "warn")
    assert.equal("warn\n", level)
  end)
end)

describe("log.handler", function()
  it("takes the place of standard error until it is given back", function()
    local stderr, stdout = run [[
log.handler(function(record) print("handled", record.message) end)
log.info "one"
log.handler(nil)
log.info "two"]]
    assert.equal("handled\tone\n", stdout)
    assert.not_matches("one", stderr)
    assert.matches("msg=two", stderr)
  end)

  it("gets the host's records, too", function()
    local records = records_of(function()
      local server = zeroless.Server { host = "127.0.0.1" }
      server:pull()
      server:close()
    end)
    local messages = {}
    for _, record in ipairs(records) do messages[#messages + 1] = record.message end
    assert.matches("Ready...", table.concat(messages, "\n"), 1, true)
  end)

  it("may log itself: that goes to standard error", function()
    local stderr, stdout = run [[
log.handler(function(record)
  print("handled", record.message)
  log.warn("about " .. record.message)
end)
log.info "one"
log.info "two"]]
    assert.equal("handled\tone\nhandled\ttwo\n", stdout)
    assert.matches('msg="about one"', stderr)
    assert.matches('msg="about two"', stderr)
  end)

  it("that fails is no longer used, and nothing is lost", function()
    local stderr = run [[
log.handler(function() error "no disk" end)
log.info "one"
log.info "two"]]
    assert.matches("the log handler failed and is no longer used: [^\n]*script.lua:1: no disk", stderr)
    assert.matches("msg=one", stderr)
    assert.matches("msg=two", stderr)
  end)

  it("that waits fails with a word about it", function()
    local stderr = run [[
log.handler(function() zeroless.sleep(0.001) end)
log.info "one"]]
    assert.matches("cannot wait here", stderr)
    assert.matches("msg=one", stderr)
  end)

  it("may start a task", function()
    local _, stdout = run [[
log.handler(function(record)
  zeroless.spawn(function()
    zeroless.sleep(0.001)
    print(record.message)
  end)
end)
log.info "one"]]
    assert.equal("one\n", stdout)
  end)

  it("raises for what is no function", function()
    local ok, err = pcall(function() log.handler "text" end)
    assert.is_false(ok)
    assert.matches("log_spec.lua:%d+: log.handler takes a function or nil, not a string", err)
  end)
end)

describe("the host", function()
  local script = [[
local server = zeroless.Server { host = "127.0.0.1" }
local pull = server:pull()
local client = zeroless.Client():connect_local(server.port)
local push = client:push()
push("first", "second")
pull()
client:disconnect_local(server.port)
print(server.port)]]

  it("logs binding, connecting, disconnecting and Ready... at info, with their lines", function()
    local stderr, port = run(script)
    port = tostring(tonumber(port))
    assert.matches("level=info source=[^\n ]*script.lua:2 msg=Ready... pattern=pull [^\n]*:" .. port, stderr)
    assert.matches("level=info source=[^\n ]*script.lua:4 msg=Ready... pattern=push", stderr)
    assert.matches("level=info source=[^\n ]*script.lua:2 [^\n]*Binding tcp://127.0.0.1", stderr)
    assert.matches("level=info source=[^\n ]*script.lua:4 [^\n]*Connecting to[^\n]*:" .. port, stderr)
    assert.matches("level=info source=[^\n ]*script.lua:7 [^\n]*Disconnecting from[^\n]*:" .. port, stderr)
    assert.not_matches("level=debug", stderr)
  end)

  it("logs every message sent and received at debug, with its line", function()
    local stderr = run(script, "--log-level", "debug")
    local details = "frames=2 [^\n]*"
    assert.matches("level=debug source=[^\n ]*script.lua:5 msg=Sent [^\n]*" .. details, stderr)
    assert.matches("level=debug source=[^\n ]*script.lua:6 msg=Received [^\n]*" .. details, stderr)
    assert.matches('data="first | second"', stderr, 1, true)
  end)

  it("logs nothing of that at warn", function()
    assert.equal("", (run(script, "--log-level", "warn")))
  end)

  it("logs messages received in every way, and a level changed on the way counts at once", function()
    local stderr = run([[
local server = zeroless.Server { endpoint = "inproc://log" }
local pull = server:pull()
local push = zeroless.Client():connect "inproc://log":push()
push "unseen"
pull()
log.level = "debug"
push "1" push:try "2" push "3"
pull() pull:recv(1) pull:try()
log.level = "warn"
push "unseen"
pull()]], "--log-level", "warn")
    local sent, received = select(2, stderr:gsub("msg=Sent", "")), select(2, stderr:gsub("msg=Received", ""))
    assert.equal(3, sent)
    assert.equal(3, received)
    assert.not_matches("unseen", stderr)
  end)
end)

describe("a log line", function()
  local sample = [[log.warn("it happened", { name = "a b", count = 3, ratio = 0.5, ok = true, plain = "x" })]]

  it("goes to standard error, never to standard output", function()
    local stderr, stdout = run("log.error 'x' log.info 'y'")
    assert.equal("", stdout)
    assert.equal(2, select(2, stderr:gsub("\n", "")))
  end)

  it("is logfmt in a pipe", function()
    local stderr = run(sample)
    assert.matches("^time=%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d[+-]%d%d%d%d level=warn "
      .. 'source=[^ ]*script.lua:1 msg="it happened" count=3 name="a b" ok=true plain=x ratio=0.5\n$', stderr)
  end)

  it("has the same keys as JSON", function()
    local stderr = run(sample, "--log-format", "json")
    assert.matches('^{"time":"%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d[+-]%d%d%d%d","level":"warn",'
      .. '"source":"[^"]*script.lua:1","msg":"it happened","count":3,"name":"a b","ok":true,"plain":"x",'
      .. '"ratio":0.5}\n$', stderr)
  end)

  it("is for people with --log-format text", function()
    local stderr = run(sample, "--log-format", "text")
    assert.matches("^%d%d:%d%d:%d%d%.%d%d%d WARN  [^ ]*script.lua:1 it happened count=3 ", stderr)
  end)

  it("is for people on a terminal", function()
    local path = support.file(prelude .. sample)
    local child = support.start_python([[
import os, pty, sys
def read(descriptor):
    try:
        return os.read(descriptor, 1024)
    except OSError:
        return b""
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], read)))]], support.host, path)
    child:wait()
    assert.equal(0, child.code, child.stderr)
    assert.matches("%d%d:%d%d:%d%d%.%d%d%d WARN  [^ ]*script.lua:1 it happened count=3 ", child.stdout)
  end)

  it("is logfmt in a file", function()
    local path = support.file(prelude .. sample)
    local out = support.folder() .. "/log"
    support.start({ "/bin/sh", "-c", ("'%s' '%s' 2>'%s'"):format(support.host, path, out) }):wait()
    local file = assert(io.open(out))
    assert.matches("^time=", file:read "*a")
    file:close()
  end)

  it("is one line, whatever the message holds", function()
    local text = [[log.info("a\nb\"c\\d\te\0f\27g", { ["k"] = "x\ny", empty = "" })]]
    local stderr = run(text)
    assert.matches([[msg="a\nb\"c\\d\te\u0000f\u001bg" empty="" k="x\ny"]], stderr, 1, true)
    assert.equal(1, select(2, stderr:gsub("\n", "")))
    stderr = run(text, "--log-format", "json")
    assert.matches([["msg":"a\nb\"c\\d\te\u0000f\u001bg","empty":"","k":"x\ny"}]], stderr, 1, true)
    assert.equal(1, select(2, stderr:gsub("\n", "")))
  end)

  it("is JSON whatever it is given", function()
    local child = support.run_host { "--log-format", "json", support.file(prelude .. [[
log.info("\255\254 \237\160\128 \192\175 \244\144\128\128 ok \195\188 \240\159\152\128", { big = 1e300 })
log.info("numbers", { nan = 0/0, inf = math.huge, minus = -math.huge, hex = 0x10, text = "12" })
log.info("values", { t = {}, f = print, n = setmetatable({}, { __tostring = function() return "told" end }) })
log.info("names", { ["a b"] = 1, ["q\"q"] = 2, [""] = 3, msg = "m", ["\255"] = "x" })]]) }
    local checker = support.start_python [[
import json, sys
for line in sys.stdin.buffer:
    record = json.loads(line.decode("utf-8"))
    print(record["level"], type(record.get("nan")).__name__, record.get("n"))
print("read")]]
    checker:write(child.stderr)
    checker:wait()
    assert.equal(0, checker.code, checker.stderr .. child.stderr)
    assert.matches("info str None", checker.stdout)
    assert.matches("info NoneType told", checker.stdout)
    assert.equal(5, select(2, checker.stdout:gsub("\n", "")))
  end)

  it("formats its fields only when somebody listens", function()
    local formatted = 0
    local field = setmetatable({}, { __tostring = function()
      formatted = formatted + 1
      return "x"
    end })
    records_of(function()
      log.debug("unheard", { field = field })
      assert.equal(0, formatted)
      log.info("heard", { field = field })
      assert.equal(1, formatted)
    end, "info")
  end)
end)
