-- SPDX-License-Identifier: MIT
-- libzmq is loaded when a script first uses zeroless, not before.

local support = require "spec.support"

local maps = [[
for line in io.lines "/proc/self/maps" do
  if line:find("libzmq", 1, true) then return print "loaded" end
end
print "not loaded"]]

-- A folder in which the loader finds a libzmq that is none.
local function broken()
  local file = support.file("no library", "libzmq.so.5")
  return { LD_LIBRARY_PATH = file:match "^(.*)/" }
end

describe("libzmq", function()
  it("is not loaded by a script that does without zeroless", function()
    assert.equal("not loaded\n", support.run_host({ "-e", maps }).stdout)
  end)

  it("is loaded by require 'zeroless'", function()
    assert.equal("loaded\n", support.run_host({ "-e", "require 'zeroless' " .. maps }).stdout)
  end)

  describe("that cannot be loaded", function()
    it("is an error of require 'zeroless' that says where it was and what to do", function()
      local child = support.run_host { "-e", "\nrequire 'zeroless'", env = broken() }
      assert.equal(1, child.code)
      assert.matches("^zlrun: libzmq cannot be loaded: [^\n]*/libzmq.so.5: [^\n]*libzmq5", child.stderr)
      assert.matches("(command line):2:", child.stderr, 1, true)
    end)

    it("can be caught, and stays an error", function()
      local child = support.run_host { "-e", [[
        print(pcall(require, "zeroless"))
        package.loaded["zeroless.core"].Server { endpoint = "inproc://x" }:pull()]], env = broken() }
      assert.equal(69, child.code)
      assert.matches("^false\tlibzmq cannot be loaded: ", child.stdout)
      assert.matches("libzmq cannot be loaded: ", child.stderr, 1, true)
    end)

    it("is no hindrance to a script that does without it", function()
      local child = support.run_host { "-e", "print 'ran'", env = broken() }
      assert.equal("ran\n", child.stdout)
    end)

    it("is said by --version", function()
      local child = support.run_host { "--version", env = broken() }
      assert.equal(1, child.code)
      assert.matches("^zlrun: libzmq cannot be loaded: ", child.stderr)
    end)
  end)
end)
