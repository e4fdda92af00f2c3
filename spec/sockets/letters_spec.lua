-- SPDX-License-Identifier: MIT
-- The file of dead letters is one that nobody else has put there or can read; and the binary is built with
-- guards.

local support = require "spec.support"
local uv = require "luv"

local script = support.file "print 'run'"

local function run(path)
  return support.run_host { "--restart", "--dead-letter", path, script }
end

local function refuses(fault, path)
  local child = run(path)
  assert.equal(2, child.code, child.stderr)
  assert.matches(("the dead letters cannot be written to %s: %s\n"):format(path, fault), child.stderr, 1, true)
  assert.equal("", child.stdout)
end

describe("the file of dead letters", function()
  it("is not followed when it is a symbolic link", function()
    local target = support.file("precious", "target")
    local path = support.folder() .. "/letters"
    assert(uv.fs_symlink(target, path))
    refuses("it is a symbolic link", path)
  end)

  it("is refused when it is a FIFO, without waiting for a reader, or with one", function()
    local path = support.folder() .. "/letters"
    assert.equal(0, os.execute("mkfifo '" .. path .. "'"))
    refuses("No such device or address", path)
    local fd = assert(uv.fs_open(path, uv.constants.O_RDONLY + uv.constants.O_NONBLOCK, 0))
    refuses("it is no regular file", path)
    assert(uv.fs_close(fd))
  end)

  it("is refused when it is a device", function()
    refuses("it is no regular file", "/dev/null")
  end)

  it("is made with mode 0600", function()
    local path = support.folder() .. "/letters"
    assert.equal(0, run(path).code)
    assert.equal(tonumber("600", 8), bit.band(assert(uv.fs_stat(path)).mode, tonumber("777", 8)))
  end)

  it("loses the rights of others, which is said", function()
    local path = support.file("", "letters")
    assert(uv.fs_chmod(path, tonumber("666", 8)))
    local child = run(path)
    assert.equal(0, child.code, child.stderr)
    assert.matches("others could read the dead letters", child.stderr, 1, true)
    assert.equal(tonumber("600", 8), bit.band(assert(uv.fs_stat(path)).mode, tonumber("777", 8)))
  end)

  it("is refused when it belongs to another user", function()
    if uv.getuid() ~= 0 then pending "takes root to give a file away" return end
    local path = support.file("", "letters")
    assert(uv.fs_chown(path, 65534, 65534))
    refuses("it belongs to another user", path)
  end)

  it("works while standard input is closed", function()
    local path = support.folder() .. "/letters"
    local child = support.start { "/bin/sh", "-c", 'exec "$0" --restart --dead-letter "$1" "$2" <&-', support.host,
      path, script }
    assert.equal("run\n", child:wait().stdout, child.stderr)
    assert.equal(0, child.code)
  end)
end)

describe("the binary", function()
  local function dynamic(option)
    local child = support.start { "/usr/bin/readelf", option, "--wide", support.host }
    return child:wait().stdout
  end

  it("has addresses that vary, tables that cannot be written, and guarded stacks", function()
    if not uv.fs_stat "/usr/bin/readelf" then pending "takes readelf" return end
    assert.matches("Type:%s+DYN", dynamic "-h")
    assert.matches("GNU_RELRO", dynamic "-l", 1, true)
    assert.matches("FLAGS_1%)%s+Flags: [^\n]*NOW", dynamic "-d")
    assert.matches("__stack_chk_fail", dynamic "--dyn-syms", 1, true)
  end)
end)
