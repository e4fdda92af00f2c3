/* SPDX-License-Identifier: MIT */
/* Child processes that an ended generation started through luv: they get SIGTERM, a second later
 * SIGKILL, and are reaped. One that leads its own session (luv's `detached`) is only reaped.
 * Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct zl_children {
    uv_signal_t signal; /* SIGCHLD */
    uv_timer_t timer;   /* until the first SIGKILL is due */
    struct zl_child *first;
};

void zl_children_init(struct zl_children *children, uv_loop_t *uv);

/* Takes over a child process that nothing else waits for, and sends it SIGTERM unless it is
 * detached. */
void zl_children_add(struct zl_children *children, pid_t pid);

/* Reaps processes that have ended, and kills those whose time is over. */
void zl_children_reap(struct zl_children *children);

/* Waits until only detached ones are left, at most 1.2 s. Called when zlrun exits. */
void zl_children_finish(struct zl_children *children);

/* Drops the remaining ones and closes the handles. */
void zl_children_fini(struct zl_children *children);
