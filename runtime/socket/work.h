/* SPDX-License-Identifier: MIT */
/* What tasks do with sockets, kept behind each task (zl_task_ops.size): the messages and requests
 * that it has in hand. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>

#include "runtime/sched/task.h"

struct zl_envelope;
struct zl_delivery_ref;
struct zl_socket;

/* A few sockets, each with a weak reference held. */
struct zl_socket_set {
    struct zl_socket **items;
    unsigned count;
};

struct zl_work {
    bool inherited;                 /* spawned with a message in hand: handles it until its end */
    bool asks;                      /* has asked on a request socket */
    bool had_baton;                 /* was given a turn at a socket, and may still have it */
    bool receives;                  /* has found a receiver of messages empty: it may ask again */
    struct zl_socket *held;         /* the receiver of the message in hand, NULL for none */
    struct zl_socket_set also_held; /* those of messages that came later, in order */
    struct zl_socket_set told;      /* receivers that said "stopping" to it already */
    struct zl_delivery_ref *deliveries; /* messages in hand that are kept, see delivery.h */
    struct zl_envelope *envelopes;      /* requests it has received, see reqrep.h */
};

static inline struct zl_work *zl_work_of(const struct zl_task *task)
{
    return (struct zl_work *)(task + 1);
}

/* A task that is no coroutine: sched.outside. */
struct zl_outside {
    struct zl_task task;
    struct zl_work work;
};
