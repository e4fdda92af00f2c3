/* SPDX-License-Identifier: MIT */
/* Where received messages lie while the script makes strings of them: the frames of one message,
 * until the next is received. Belongs to the loop's thread. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/zmq/libzmq.h"
#include "runtime/zmq/message.h"

struct zl_recvbuf {
    zmq_msg_t *messages;
    struct zl_frame *frames; /* where the data of the messages is */
    unsigned room, count;    /* count: messages that may hold memory */
};

/* Receives the frames of one message, laid out, without waiting; `count` of them are in the recvbuf
 * already. How many; 0 for a message with too many, which is read and forgotten; or a code of
 * message.h. */
int32_t zl_recvbuf_receive(struct zl_recvbuf *recvbuf, void *zmq, unsigned count);

/* Copies the frames into the recvbuf, laid out for the script. False without memory. */
bool zl_recvbuf_fill(struct zl_recvbuf *recvbuf, zmq_msg_t *frames, unsigned count);

/* Gives back the memory of the messages from `first` on. */
void zl_recvbuf_clear(struct zl_recvbuf *recvbuf, unsigned first);

void zl_recvbuf_fini(struct zl_recvbuf *recvbuf);

/* Reads the rest of a message that is to be forgotten. */
void zl_recvbuf_skip_rest(void *zmq, zmq_msg_t *last);

/* `size`: what zmq_msg_recv said of the frame; it counts no further than to INT_MAX. */
static inline void zl_recvbuf_lay_out(struct zl_recvbuf *recvbuf, unsigned i, int size)
{
    zmq_msg_t *message = &recvbuf->messages[i];
    recvbuf->frames[i].data = zmq_msg_data(message);
    recvbuf->frames[i].size = size < INT_MAX ? (uint32_t)size : (uint32_t)zmq_msg_size(message);
}
