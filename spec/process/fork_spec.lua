-- SPDX-License-Identifier: MIT
-- A script that forks: the child has no thread of libzmq, and leaves without it.

local support = require "spec.support"

-- `leave` is what the child does; it is killed should it not come to its end.
local function run(leave)
  return support.run_script(([[
local zeroless, ffi = require "zeroless", require "ffi"
ffi.cdef "int fork(void); int waitpid(int, int *, int); unsigned alarm(unsigned);"
local server = zeroless.Server { host = "127.0.0.1" }
local pull = server:pull()
local push = zeroless.Client():connect_local(server.port):push()
for i = 1, 10 do push("message " .. i) end
assert(pull() == "message 1")
io.write "before, "
io.flush()
local pid = ffi.C.fork()
if pid == 0 then
  ffi.C.alarm(20)
  io.write "in the child, "
  %s
end
local status = ffi.new "int[1]"
ffi.C.waitpid(pid, status, 0)
io.write(("status %%d, "):format(status[0]))
for i = 2, 10 do assert(pull() == "message " .. i) end
print "all received"]]):format(leave))
end

describe("a child of a fork", function()
  it("leaves with the code that it gives os.exit, and its parent goes on", function()
    local child = run "os.exit(7)"
    assert.equal("before, in the child, status 1792, all received\n", child.stdout, child.stderr)
    assert.equal(0, child.code, child.stderr)
  end)

  it("leaves when the script ends in it", function()
    local child = run "do return end"
    assert.equal("before, in the child, status 0, all received\n", child.stdout, child.stderr)
    assert.equal(0, child.code, child.stderr)
  end)

  it("gets an error from a receiver, and does not spin", function()
    local child = run [[
local ok, err
repeat ok, err = pcall(pull) until not ok -- what libzmq had handed over already
io.write(err:match "Interrupted system call" or err, ", ")
os.exit(3)]]
    assert.equal("before, in the child, Interrupted system call, status 768, all received\n", child.stdout,
      child.stderr)
  end)
end)
