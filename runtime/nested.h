/* SPDX-License-Identifier: MIT */
/* A libuv loop of the generation's own (luv's), nested in the host's: the host's loop watches its
 * backend descriptor and sleeps no longer than the nested loop would. Made when a script asks for
 * luv; belongs to the loop's thread. NULL stands for a generation without luv. */
#pragma once

#include <stdbool.h>
#include <uv.h>

struct zl_nested {
    uv_loop_t *inner;
    void (*close)(
        void *world); /* closes the handles of the inner loop, while their owner still can */
    void *world;
    bool closing; /* callbacks are no longer wanted */
    int handles;  /* of the outer loop, still open */
    uv_poll_t poll;
    uv_timer_t timer;
};

/* Nests `inner` in `outer`. NULL when libuv refuses or there is no memory. zl_nested_stop calls
 * `close` with `world`. */
struct zl_nested *zl_nested_start(uv_loop_t *outer, uv_loop_t *inner, void (*close)(void *world),
                                  void *world);

/* Runs what is due in the inner loop and sees to the wake-up for what is not; called before the
 * outer loop sleeps. */
void zl_nested_turn(struct zl_nested *nested);

/* The inner loop stands still until it is resumed. */
void zl_nested_park(struct zl_nested *nested);
void zl_nested_resume(struct zl_nested *nested);

/* Whether the inner loop keeps the process alive. */
bool zl_nested_alive(const struct zl_nested *nested);

/* Closes what the inner loop has, and forgets it. */
void zl_nested_stop(struct zl_nested *nested);
