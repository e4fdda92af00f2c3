/* SPDX-License-Identifier: MIT */
/* What the generations of one thread share: the scheduler of their tasks, and resources that
 * outlive them. Owned by the loop; belongs to its thread. */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "runtime/sched/sched.h"
#include "runtime/script/children.h"
#include "runtime/script/luv_loop.h"

struct zl_generation;

struct zl_host {
    struct zl_sched *sched;
    TAILQ_HEAD(, zl_generation) remains; /* closed, but their states are not: see reaper.h */
    struct zl_luv_loop_list luv_loops;   /* luv's loops of all generations */
    struct zl_children children;         /* started by closed generations */
};

void zl_host_init(struct zl_host *host, struct zl_sched *sched);
