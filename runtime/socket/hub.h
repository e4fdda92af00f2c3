/* SPDX-License-Identifier: MIT */
/* What the sockets of one thread have in common. The loop owns it; what the layers above decide
 * (limits, who serves, what becomes of messages in hand) they write here. Belongs to the loop's
 * thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "runtime/sched/sched.h"
#include "runtime/sched/task.h"
#include "runtime/socket/deadletter.h"
#include "runtime/zmq/message.h"
#include "runtime/zmq/recvbuf.h"

struct zl_route_ops;
struct zl_socket;
struct zl_drain;
struct zl_streams;

TAILQ_HEAD(zl_socket_list, zl_socket);

/* What becomes of the messages in hand of a group that fails, and what became of them. */
struct zl_redelivery {
    bool keeps;        /* messages in hand are kept: another group may be given them */
    int most;          /* a message whose task failed is given again so often */
    bool on_probation; /* another group goes on with them, whatever `most` is */
    bool keeps_dead;   /* `dead_letter` takes those that are given no more */
    struct zl_deadletter dead_letter;
    uint64_t handled;    /* messages, by the serving group, while they are kept */
    uint64_t given_up;   /* set aside or lost since the last failure */
    uint64_t tries_used; /* to be given again since then */
};

struct zl_hub {
    struct zl_sched sched; /* first, see zl_hub_of */
    struct zl_socket_list sockets, dirty;
    unsigned socket_count;
    uint64_t unbound;  /* when a bound socket was closed last, on the clock of zl_clock_now */
    bool had_baton;    /* the last gate was passed by the task whose turn it was */
    unsigned admitted; /* requests that tasks at rest may be given while their group is parked */
    struct zl_shared shared;
    struct zl_recvbuf recvbuf;
    struct zl_redelivery redelivery;
    const struct zl_route_ops *route_ops;
    struct zl_streams *streams; /* connections of the process, while they are current; streams.h */
    struct zl_drain *stopping;  /* see drain.h */
    double drain_timeout;       /* seconds */
    uint64_t drain_deadline;    /* on the clock of zl_clock_now, set when the process stops */
};

static inline struct zl_hub *zl_hub_of(const struct zl_task *task)
{
    return (struct zl_hub *)task->sched;
}
