/* SPDX-License-Identifier: MIT */
/* Frames on their way into libzmq. Used on the loop's thread alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zl_frame;

/* Sends the frames, the last one as the end of the message, without waiting: 0 or a code of
 * message.h. Their data must be texts of strings of a Lua state (heap.h). */
int32_t zl_send_frames(void *zmq, const struct zl_frame *frames, uint32_t count);

/* Sends a frame that another one follows; false when libzmq refuses, see zl_message_failure. */
bool zl_send_bytes(void *zmq, const void *data, size_t size);
