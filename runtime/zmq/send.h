/* SPDX-License-Identifier: MIT */
/* Sending frames through libzmq. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zl_frame;

/* Sends the frames as one message, without waiting. Returns 0 or a code of message.h. The data must
 * be the texts of Lua strings (heap.h). */
int32_t zl_send_frames(void *zmq, const struct zl_frame *frames, uint32_t count);

/* Sends a frame that is followed by another; false on failure, see zl_message_failure. */
bool zl_send_bytes(void *zmq, const void *data, size_t size);
