-- SPDX-License-Identifier: MIT
-- The functions and the shared area of the host (runtime/socket/ffi.h, runtime/zmq/message.h) as compiled
-- Lua code uses them.

local ffi = require "ffi"
local core = require "zeroless.core"

ffi.cdef(require "zeroless.ffi_h")

return {
  C = ffi.C,
  shared = ffi.cast("struct zl_shared *", core.shared),
  string = ffi.string,
  new_frames = ffi.typeof "struct zl_frame[?]",
}
