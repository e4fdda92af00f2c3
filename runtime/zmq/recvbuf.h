/* SPDX-License-Identifier: MIT */
/* Where received messages lie while the script makes strings of them: the frames of one message,
 * until the next is received. Belongs to the loop's thread. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/zmq/libzmq.h"
#include "runtime/zmq/message.h"

struct zl_inbox {
    zmq_msg_t *messages;
    struct zl_frame *frames; /* where the data of the messages is */
    unsigned room, count;    /* count: messages that may hold memory */
};

/* Receives the frames of one message, laid out, without waiting; `count` of them are in the inbox
 * already. How many; 0 for a message with too many, which is read and forgotten; or a code of
 * message.h. */
int32_t zl_inbox_receive(struct zl_inbox *inbox, void *zmq, unsigned count);

/* Copies the frames into the inbox, laid out for the script. False without memory. */
bool zl_inbox_fill(struct zl_inbox *inbox, zmq_msg_t *frames, unsigned count);

/* Gives back the memory of the messages from `first` on. */
void zl_inbox_clear(struct zl_inbox *inbox, unsigned first);

void zl_inbox_fini(struct zl_inbox *inbox);

/* Reads the rest of a message that is to be forgotten. */
void zl_inbox_skip_rest(void *zmq, zmq_msg_t *last);

/* `size`: what zmq_msg_recv said of the frame; it counts no further than to INT_MAX. */
static inline void zl_inbox_lay_out(struct zl_inbox *inbox, unsigned i, int size)
{
    zmq_msg_t *message = &inbox->messages[i];
    inbox->frames[i].data = zmq_msg_data(message);
    inbox->frames[i].size = size < INT_MAX ? (uint32_t)size : (uint32_t)zmq_msg_size(message);
}
