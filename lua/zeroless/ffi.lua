-- SPDX-License-Identifier: MIT
-- The hot functions of the host (runtime/socket/ffi.h and runtime/zmq/message.h) as compiled Lua code calls them, and the ground that
-- both sides share.

local ffi = require "ffi"
local core = require "zeroless.core"

ffi.cdef(require "zeroless.ffi_h")

return {
  C = ffi.C,
  hot = ffi.cast("struct zl_hot *", core.hot),
  string = ffi.string,
  new_frames = ffi.typeof "struct zl_frame[?]",
}
