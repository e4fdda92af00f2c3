-- SPDX-License-Identifier: MIT
-- What a process finds when it starts: closed standard descriptors, few descriptors, little memory; and
-- output that cannot be written.

local support = require "spec.support"

-- Runs the script text by a line of the shell, in which $zlrun is the host and $script the file.
local function shell(line, text)
  return support.start({ "/bin/sh", "-c", line, env = { zlrun = support.host, script = support.file(text) } }):wait()
end

local function assert_code(code, child)
  assert.equal(code, child.code, child.stderr)
  assert.equal(0, child.signal)
end

describe("a process started with closed descriptors", function()
  local worker = [[
local zeroless = require "zeroless"
local server = zeroless.Server { host = "127.0.0.1" }
local push = server:push()
local pull = zeroless.Client():connect_local(server.port):pull()
push "through"
io.stderr:write(pull(), "\n")]]

  for _, closed in ipairs { "<&-", ">&-", "<&- >&-" } do
    it("(" .. closed .. ") works, and ends with 0", function()
      local child = shell('exec "$zlrun" "$script" ' .. closed, worker)
      assert_code(0, child)
      assert.matches("through\n", child.stderr, 1, true)
    end)
  end

  it("(all three) ends with 0 when it prints nothing", function()
    assert_code(0, shell('exec "$zlrun" "$script" <&- >&- 2>&-', worker))
  end)

  it("reads an error from standard input, as luajit does", function()
    local child = shell('exec "$zlrun" "$script" <&-', "print(io.read())")
    assert.equal("nil\tBad file descriptor\t9\n", child.stdout)
  end)
end)

describe("standard output that takes nothing", function()
  local text = "standard output: No space left on device; what was printed is lost"

  it("is an error and exit code 74", function()
    local child = shell('exec "$zlrun" "$script" >/dev/full', "print 'lost'")
    assert_code(74, child)
    assert.matches(text, child.stderr, 1, true)
  end)

  it("is an error when it is closed", function()
    local child = shell('exec "$zlrun" "$script" >&-', "print 'lost'")
    assert_code(74, child)
    assert.matches("standard output: Bad file descriptor", child.stderr, 1, true)
  end)

  it("is said while the script runs, once, and os.exit ends with 74 too", function()
    local child = shell('exec "$zlrun" "$script" >/dev/full', [[
local zeroless = require "zeroless"
for _ = 1, 3 do print "lost"; zeroless.sleep(0.001) end
io.stderr:write "still running\n"
os.exit(0)]])
    assert_code(74, child)
    assert.equal(1, select(2, child.stderr:gsub("standard output", "")))
    assert.is_true(child.stderr:find(text, 1, true) < child.stderr:find("still running", 1, true))
  end)

  it("leaves the exit code of an error as it is", function()
    assert_code(1, shell('exec "$zlrun" "$script" >/dev/full', "print 'lost'; error 'why'"))
  end)

  it("is no error when nothing is printed", function()
    assert_code(0, shell('exec "$zlrun" "$script" >/dev/full', "local _ = 1"))
  end)

  it("makes --help and --version fail", function()
    assert_code(74, shell('exec "$zlrun" --help >/dev/full', ""))
    assert_code(74, shell('exec "$zlrun" --version >/dev/full', ""))
  end)
end)

describe("with few file descriptors a script", function()
  local scripts = {
    plain = "local _ = 1",
    push = [[
local server = require "zeroless".Server { host = "127.0.0.1" }
local push = server:push()
require "zeroless".stop()]],
    pull = [[
local server = require "zeroless".Server { host = "127.0.0.1" }
local pull = server:pull()
require "zeroless".Client():connect_local(server.port):push() "x"
pull()]],
    luv = [[
local timer = require "luv".new_timer()
timer:start(1, 0, function() timer:close() end)]],
    ["zeroless and luv"] = [[
local zeroless = require "zeroless"
local server = zeroless.Server { host = "127.0.0.1" }
local pull = server:pull()
local uv = require "luv"
zeroless.stop()]],
  }

  for name, text in pairs(scripts) do
    it("(" .. name .. ") runs or says what lacks; nothing aborts", function()
      local path, ended_well = support.file(text), 0
      for limit = 4, 38 do -- 34 are enough for all
        local child = support.start { "/bin/sh", "-c", 'ulimit -n "$1"; exec "$2" "$3"', "sh", limit, support.host,
          path }
        child:wait()
        assert.equal(0, child.signal, limit .. ": " .. child.stderr)
        if child.code == 0 then
          ended_well = ended_well + 1
        elseif not child.stderr:find("error while loading shared libraries", 1, true) then -- that is ld.so
          assert.matches("no file descriptors left: the limit of this process is " .. limit, child.stderr, 1, true)
          assert.is_true(child.code == 1 or child.code == 69, limit .. ": " .. child.code)
        end
      end
      assert.is_true(ended_well > 0)
    end)
  end
end)

describe("with little memory a start", function()
  it("fails with a message, never with a signal", function()
    if support.is_sanitized then pending "limits addresses" return end
    local path, refused, ended_well = support.file "local _ = 1", 0, 0
    for megabytes = 4, 40 do
      local child = support.start({ "/bin/sh", "-c", 'ulimit -v "$1"; exec "$2" "$3"', "sh", megabytes * 1000,
        support.host, path }):wait()
      assert.equal(0, child.signal, megabytes .. ": " .. child.stderr)
      if child.code == 0 then ended_well = ended_well + 1 else refused = refused + 1 end
    end
    assert.is_true(refused > 0 and ended_well > 0)
  end)
end)
