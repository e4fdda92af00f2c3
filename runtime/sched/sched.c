/* SPDX-License-Identifier: MIT */
/* See sched.h. */
#include "runtime/sched/sched.h"

#include <time.h>

/* The clock is read every STEPS operations; a task runs for TURN_NS before others take their
 * turn. */
enum { STEPS = 16, TURN_NS = 2000000 };

void zl_sched_init(struct zl_sched *sched, uv_loop_t *uv, const struct zl_task_ops *ops,
                   struct zl_task *outside)
{
    sched->uv = uv;
    sched->ops = ops;
    sched->steps = STEPS;
    sched->outside = sched->current = outside;
    sched->watchdog.runaway = &sched->runaway;
}

static int64_t coarse_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void zl_sched_begin_slice(struct zl_sched *sched, int64_t nanoseconds)
{
    sched->slice = sched->steps;
    sched->slice_end = coarse_now() + nanoseconds;
}

void zl_sched_begin_turn(struct zl_sched *sched)
{
    zl_sched_begin_slice(sched, TURN_NS);
}

bool zl_sched_refuse(struct zl_sched *sched, bool refuses)
{
    bool before = sched->refuses;
    sched->refuses = refuses;
    sched->slice = 0; /* makes the next send or receive check */
    return before;
}

/* Code outside any task has no time slice and could not pause. */
enum zl_slice zl_sched_check_slice(struct zl_sched *sched)
{
    int64_t over = coarse_now() - sched->slice_end;
    sched->steps = over > TURN_NS ? 1 : STEPS;
    /* `+ 1`: an immediate retry, as in try(), gets through. */
    sched->slice = sched->refuses ? 0 : sched->steps + 1;
    if (sched->refuses)
        return ZL_SLICE_REFUSED;
    return sched->current != sched->outside && over >= 0 ? ZL_SLICE_OVER : ZL_SLICE_LEFT;
}
