-- SPDX-License-Identifier: MIT
-- The host's functions and shared area (runtime/socket/ffi.h, runtime/zmq/message.h) for compiled Lua code.

local ffi = require "ffi"
local core = require "zeroless.core"

ffi.cdef(require "zeroless.ffi_h")

return {
  C = ffi.C,
  shared = ffi.cast("struct zl_shared *", core.shared),
  string = ffi.string,
  new_frames = ffi.typeof "struct zl_frame[?]",
}
