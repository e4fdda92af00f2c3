-- SPDX-License-Identifier: MIT
-- A signal may come at any moment, in the middle of a call into libzmq too.

local support = require "spec.support"

-- Ten thousand signals a second, handled by a function that does nothing to the purpose.
local alarmed = [[
local ffi = require "ffi"
ffi.cdef "int setitimer(int, const long *, void *); int abs(int); void *signal(int, int (*)(int));"
local ITIMER_REAL, SIGALRM = 0, 14
ffi.C.signal(SIGALRM, ffi.C.abs)
ffi.C.setitimer(ITIMER_REAL, ffi.new("long[4]", 0, 100, 0, 100), nil)

local zeroless = require "zeroless"
local server = zeroless.Server{host = "127.0.0.1"}
local reply, requests = server:reply()
local ask, replies = zeroless.Client():connect_local(server.port):request()
zeroless.spawn(function() for message in requests do reply(message) end end)
for i = 1, 20000 do
  ask(tostring(i))
  assert(replies() == tostring(i))
end
print "all"
zeroless.stop()
]]

describe("signals at every moment", function()
  it("are no error and lose no wake-up", function()
    local child = support.run_script(alarmed)
    assert.are.equal(0, child.code, child.stderr)
    assert.are.equal("all\n", child.stdout)
  end)
end)
