/* SPDX-License-Identifier: MIT */
/* The scheduler of one thread: the running task, its time slice, the group whose tasks run, and
 * whether the process is stopping. Owned and controlled by the loop; read by the layers in between.
 * Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "runtime/sched/runaway.h"
#include "runtime/sched/watchdog.h"

struct zl_group;
struct zl_task;
struct zl_task_ops;

enum zl_phase {
    ZL_RUNNING,
    ZL_DRAINING,  /* receivers still return received messages */
    ZL_ENDING,    /* tasks finish their deliveries */
    ZL_CALLBACKS, /* zeroless.on_stop callbacks run */
    ZL_ENDED
};

struct zl_sched {
    struct zl_task *current; /* the running task; `outside` when none runs */
    struct zl_task *outside; /* represents code outside any task, such as luv callbacks */
    struct zl_group *group;  /* the group whose tasks run */
    const struct zl_task_ops *ops;
    enum zl_phase phase;
    int slice; /* operations until the clock is read */
    int steps; /* initial value of `slice`; 1 after a long overrun */
    int64_t slice_end;
    bool refuses; /* the running code belongs to a failed or closed group */
    uv_loop_t *uv;
    struct zl_watchdog watchdog;
    struct zl_runaway runaway;
};

void zl_sched_init(struct zl_sched *sched, uv_loop_t *uv, const struct zl_task_ops *ops,
                   struct zl_task *outside);

/* Sets the time slice of the task that runs next: `nanoseconds`, or the usual turn. */
void zl_sched_begin_slice(struct zl_sched *sched, int64_t nanoseconds);
void zl_sched_begin_turn(struct zl_sched *sched);

/* While `refuses` is set, every send and receive is refused. Returns the previous value. */
bool zl_sched_refuse(struct zl_sched *sched, bool refuses);

enum zl_slice { ZL_SLICE_LEFT, ZL_SLICE_OVER, ZL_SLICE_REFUSED };

/* Called by the fast path once every few messages: checks the time slice and starts the next
 * count. */
enum zl_slice zl_sched_check_slice(struct zl_sched *sched);
