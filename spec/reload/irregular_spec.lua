-- SPDX-License-Identifier: MIT
-- Paths that are no regular files, where a file of the script is expected: a FIFO, an endless device, a socket.

local support = require "spec.support"
local worker = require "spec.reload.worker"

local waiting = "print(require 'handler' .. zeroless.generation) zeroless.sleep(1000)"

local function start(...)
  local w = worker.start { waiting, ..., files = { ["handler.lua"] = "return 'a'" } }
  w:expect "a1\n"
  w:idle()
  return w
end

local function become_fifo(w, name)
  assert.equal(0, os.execute(("cd %s && mkfifo fifo && mv fifo %s"):format(w.folder, name)))
end

describe("a reload", function()
  for _, name in ipairs { "worker.lua", "handler.lua" } do
    for how, reload in pairs {
      ["on SIGHUP"] = function(w) w.child:kill "sighup" end,
      ["under --watch"] = false,
    } do
      it("fails " .. how .. " when " .. name .. " has become a FIFO, and the old generation serves on", function()
        local w = reload and start() or start "--watch"
        become_fifo(w, name)
        if reload then reload(w) end
        assert.matches(name .. " is a FIFO, not a file", w:attempt(1).error, 1, true)
        if name == "worker.lua" then w:save "print 'b2' zeroless.sleep(1000)" else w:write(name, "return 'b'") end
        if reload then reload(w) end
        w:expect "b2\n"
        w:ends(0, "sigterm")
      end)
    end
  end
end)

describe("zeroless.watch", function()
  local folder = support.folder()
  os.execute("mkfifo " .. folder .. "/fifo")
  for path, text in pairs {
    [folder .. "/fifo"] = "fifo is a FIFO, not a file",
    ["/dev/zero"] = "/dev/zero is a device, not a file",
    [folder] = "cannot open " .. folder .. ": Is a directory",
  } do
    it("raises for " .. path:match "[^/]+$", function()
      local child = support.run_host { "-e", ("local zeroless = require 'zeroless'\nzeroless.watch %q"):format(path) }
      assert.equal(1, child.code)
      assert.matches("(command line):2: zeroless.watch: ", child.stderr, 1, true)
      assert.matches(text, child.stderr, 1, true)
    end)
  end

  it("takes a file that does not exist yet, and one of /proc", function()
    local child = support.run_host { "-e", ("local z = require 'zeroless' z.watch %q z.watch '/proc/self/status'")
      :format(folder .. "/absent") }
    assert.equal(0, child.code, child.stderr)
  end)
end)

describe("require", function()
  it("does not wait for a module that is a FIFO", function()
    local folder = support.folder()
    os.execute("mkfifo " .. folder .. "/slow.lua")
    local child = support.run_host { "-e", "require 'slow'", cwd = folder }
    assert.equal(1, child.code)
    assert.matches("slow.lua is a FIFO, not a file", child.stderr, 1, true)
  end)
end)

describe("the first start", function()
  local function shell(command, ...)
    return support.start { "/bin/bash", "-c", command, support.host, ... }:wait()
  end

  it("reads the script from a process substitution, a FIFO, and standard input", function()
    local fifo = support.folder() .. "/fifo"
    local child = shell([["$0" <(echo 'print("substitution", ...)') 1
mkfifo "$1"; (sleep 0.1; echo 'print "fifo"' >"$1") & "$0" "$1"
echo 'print "input"' | "$0" -; echo 'print "device"' | "$0" /dev/stdin
echo 'print "done"' | "$0" -e 'dofile "/dev/stdin"']], fifo)
    assert.equal("substitution\t1\nfifo\ninput\ndevice\ndone\n", child.stdout, child.stderr)
  end)

  it("ends with SIGTERM while it waits for a FIFO", function()
    local fifo = support.folder() .. "/fifo"
    os.execute("mkfifo " .. fifo)
    local child = support.start_host { "--watch", fifo }
    support.eventually(function()
      local stat = io.open(("/proc/%d/wchan"):format(child.pid))
      local where = stat and stat:read "*a" or ""
      if stat then stat:close() end
      return where:find "poll" or child.code
    end, "the wait for the FIFO")
    child:kill "sigterm"
    child:wait()
    assert.matches("was interrupted by a signal", child.stderr, 1, true)
    assert.equal(1, child.code)
  end)

  it("refuses a script without an end", function()
    local child = support.run_host { "/dev/zero" }
    assert.equal(1, child.code)
    assert.matches("/dev/zero has no end", child.stderr, 1, true)
  end)
end)
