/* SPDX-License-Identifier: MIT */
/* Frames on their way into libzmq. Used on the loop's thread alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zl_frame;
struct zl_socket;

/* Sends the frames, the last one as the end of the message, without waiting: 0 or a code of ffi.h.
 * Their data must be texts of strings of the running generation. */
int32_t zl_frames_send(struct zl_socket *socket, const struct zl_frame *frames, uint32_t count);

/* Sends a frame that is large (ZL_LARGE): what zmq_send returns. */
int zl_frames_send_large(struct zl_socket *socket, const struct zl_frame *frame, int flags);

/* Sends a frame that another one follows; false when libzmq refuses, see zl_hot_failure. */
bool zl_frames_send_bytes(struct zl_socket *socket, const void *data, size_t size);
