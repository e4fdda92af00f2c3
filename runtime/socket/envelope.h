/* SPDX-License-Identifier: MIT */
/* Requests in the hands of tasks: the way back of each, until it is answered. Used on the loop's
 * thread alone. */
#pragma once

#include "runtime/socket/socket.h"

/* A request in a task's hand. */
struct zl_envelope {
    struct zl_envelope *next;
    struct zl_socket *socket; /* referenced weakly */
    bool open;                /* not answered yet */
    unsigned count;
    zmq_msg_t *frames;   /* the peer's routing id up to the empty frame */
    struct zl_line line; /* where it was received */
};

/* The envelope of the task for the socket: NULL when there is none (find) or no memory (make). */
struct zl_envelope *zl_envelope_find(const struct zl_task *task, const struct zl_socket *socket);
struct zl_envelope *zl_envelope_make(struct zl_task *task, struct zl_socket *socket);

/* The frames of the envelope of the request that the task has in hand, allocated, out of its hand;
 * NULL when there is none, or it was answered. And back into the hand of a task, which then owns
 * them: false without memory. */
zmq_msg_t *zl_envelope_take(struct zl_task *task, const struct zl_socket *socket, unsigned *count);
bool zl_envelope_give(struct zl_task *task, struct zl_socket *socket, zmq_msg_t *frames,
                      unsigned count);

/* Closes and frees frames that were allocated together; NULL and 0 are fine. */
void zl_envelope_free_frames(zmq_msg_t *frames, unsigned count);
