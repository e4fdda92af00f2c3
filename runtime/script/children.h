/* SPDX-License-Identifier: MIT */
/* Processes that an ended generation has started through luv: they are asked to end, killed after a
 * moment, and reaped. One that leads a session of its own (luv's `detached`) is only reaped.
 * Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct zl_children {
    uv_signal_t signal; /* SIGCHLD */
    uv_timer_t timer;   /* until the first is to be killed */
    struct zl_child *first;
};

void zl_children_init(struct zl_children *children, uv_loop_t *uv);

/* Takes over a process of this one that nobody else waits for, and sends it SIGTERM. */
void zl_children_add(struct zl_children *children, pid_t pid);

/* Reaps those that have ended, and kills those whose moment is over. */
void zl_children_reap(struct zl_children *children);

/* The process ends: waits until none is left but detached ones, at most a moment. */
void zl_children_finish(struct zl_children *children);

/* Forgets the rest and closes its handles. */
void zl_children_fini(struct zl_children *children);
