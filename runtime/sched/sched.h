/* SPDX-License-Identifier: MIT */
/* The scheduler of one thread: which task runs, for how long, in which group of tasks, and whether
 * the process still runs or is stopping. The loop owns it and decides; the layers between read it.
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
    ZL_DRAINING,  /* receivers hand out what was received */
    ZL_ENDING,    /* tasks finish what they have in hand */
    ZL_CALLBACKS, /* zeroless.on_stop */
    ZL_ENDED
};

struct zl_sched {
    struct zl_task *current; /* the running task; `outside` when none runs */
    struct zl_task *outside; /* stands for code that runs in no task, as luv callbacks do */
    struct zl_group *group;  /* the one whose tasks are run */
    const struct zl_task_ops *ops;
    enum zl_phase phase;
    int slice; /* operations until the clock is asked */
    int steps; /* so many of them: fewer where they take long */
    int64_t slice_end;
    bool refuses; /* the code that runs is that of a failed or closed group */
    uv_loop_t *uv;
    struct zl_watchdog watchdog;
    struct zl_runaway runaway;
};

void zl_sched_init(struct zl_sched *sched, uv_loop_t *uv, const struct zl_task_ops *ops,
                   struct zl_task *outside);

/* The task that runs next has this much time before others have a turn; its usual share. */
void zl_sched_begin_slice(struct zl_sched *sched, int64_t nanoseconds);
void zl_sched_begin_turn(struct zl_sched *sched);

/* While it refuses, every send and receive is refused. Returns whether it did before. */
bool zl_sched_refuse(struct zl_sched *sched, bool refuses);

enum zl_slice { ZL_SLICE_LEFT, ZL_SLICE_OVER, ZL_SLICE_REFUSED };

/* What the hot path asks every few messages. */
enum zl_slice zl_sched_check_slice(struct zl_sched *sched);
