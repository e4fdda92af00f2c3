/* SPDX-License-Identifier: MIT */
/* What compiled Lua code calls for every message. This header is read by the C compiler and,
 * behind message.h and without its preprocessor lines, by the FFI (lua/zeroless/ffi.lua): plain
 * declarations only. None of these functions waits, raises or calls Lua. Called on the loop's
 * thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/zmq/message.h"

struct zl_socket;

#pragma GCC visibility push(default)

/* `sender` and `receiver` are the userdata of bindings/. */

/* Sends one frame of `size` bytes as a message: 0, or a code above with nothing sent. */
int32_t zl_ffi_send(void *sender, const char *data, uint32_t size);

/* The same for a message of several frames. The frames are arguments, not in a place that is
 * shared: the collector may run finalizers, which may send, wherever Lua allocates. */
int32_t zl_ffi_send_2(void *sender, const char *data1, uint32_t size1, const char *data2,
                      uint32_t size2);

/* Of 3 or 4 frames; what `count` does not reach is ignored. */
int32_t zl_ffi_send_4(void *sender, uint32_t count, const char *data1, uint32_t size1,
                      const char *data2, uint32_t size2, const char *data3, uint32_t size3,
                      const char *data4, uint32_t size4);

/* Of 5 to 8. */
int32_t zl_ffi_send_8(void *sender, uint32_t count, const char *data1, uint32_t size1,
                      const char *data2, uint32_t size2, const char *data3, uint32_t size3,
                      const char *data4, uint32_t size4, const char *data5, uint32_t size5,
                      const char *data6, uint32_t size6, const char *data7, uint32_t size7,
                      const char *data8, uint32_t size8);

/* Of any number. */
int32_t zl_ffi_send_frames(void *sender, const struct zl_frame *frames, uint32_t count);

/* Receives one message: the number of its frames, now at `received`, or a code above with
 * `received` as it was. */
int32_t zl_ffi_receive(void *receiver);

/* The reason of the last ZL_FAILED on this thread, in words. */
const char *zl_ffi_error(void);

#pragma GCC visibility pop

/* For the host alone. Reads one message before a task asks for it, into the queue of those to be
 * given again. 0 when what was read is for no task, and there may be more; a code of message.h when
 * there is none. Between tasks only. */
int32_t zl_ffi_read_ahead(struct zl_socket *socket);
