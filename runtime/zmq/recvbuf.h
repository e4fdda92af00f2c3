/* SPDX-License-Identifier: MIT */
/* The receive buffer: holds the frames of one message while the script copies them into strings,
 * until the next message is received. Belongs to the loop's thread. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/zmq/libzmq.h"
#include "runtime/zmq/message.h"

struct zl_recvbuf {
    zmq_msg_t *messages;
    struct zl_frame *frames; /* data and size of each element of `messages` */
    unsigned room, count;    /* count: elements of `messages` that may hold memory */
};

/* Receives one message without waiting and lays out its frames for the script; `count` of its
 * frames are in the buffer already. Returns the number of frames; 0 if the message had too many and
 * was dropped; or a code of message.h. */
int32_t zl_recvbuf_receive(struct zl_recvbuf *recvbuf, void *zmq, unsigned count);

/* Replaces the contents by copies of `frames`, laid out for the script. False without memory. */
bool zl_recvbuf_fill(struct zl_recvbuf *recvbuf, zmq_msg_t *frames, unsigned count);

/* Frees the frames from `first` on. */
void zl_recvbuf_clear(struct zl_recvbuf *recvbuf, unsigned first);

void zl_recvbuf_fini(struct zl_recvbuf *recvbuf);

/* Receives and discards the remaining frames of a message. */
void zl_recvbuf_skip_rest(void *zmq, zmq_msg_t *last);

/* Lays out frame `i`. `size`: the result of zmq_msg_recv, which is capped at INT_MAX. */
static inline void zl_recvbuf_lay_out(struct zl_recvbuf *recvbuf, unsigned i, int size)
{
    zmq_msg_t *message = &recvbuf->messages[i];
    recvbuf->frames[i].data = zmq_msg_data(message);
    recvbuf->frames[i].size = size < INT_MAX ? (uint32_t)size : (uint32_t)zmq_msg_size(message);
}
