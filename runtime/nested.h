/* SPDX-License-Identifier: MIT */
/* A libuv loop of the generation's own (luv's), nested in the host's: the host's loop watches its
 * backend descriptor and sleeps no longer than the nested loop would. Made when a script asks for
 * luv; belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <uv.h>

struct zl_nested {
    uv_loop_t *inner; /* NULL while luv is not in use */
    void (*close)(
        void *world); /* closes the handles of the inner loop, while their owner still can */
    void *world;
    bool closing; /* callbacks are no longer wanted */
    uv_poll_t poll;
    uv_timer_t timer;
};

/* Nests `inner` in `outer`. False when libuv refuses. zl_nested_stop calls `close` with `world`. */
bool zl_nested_start(struct zl_nested *nested, uv_loop_t *outer, uv_loop_t *inner,
                     void (*close)(void *world), void *world);

/* Runs what is due in the inner loop and sees to the wake-up for what is not; called before the
 * outer loop sleeps. */
void zl_nested_turn(struct zl_nested *nested);

/* Whether the inner loop keeps the process alive. */
bool zl_nested_alive(const struct zl_nested *nested);

void zl_nested_stop(struct zl_nested *nested);
