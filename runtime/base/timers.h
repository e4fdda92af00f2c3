/* SPDX-License-Identifier: MIT */
/* Timers of a libuv loop on the host's clock, and waking a loop. The loop's `data` is the
 * uv_async_t that wakes it. Belongs to the loop's thread, except zl_timers_wake. */
#pragma once

#include <stdint.h>
#include <uv.h>

/* Ends the sleep of the loop; from any thread and from signal handlers. */
void zl_timers_wake(uv_loop_t *uv);

/* Starts the timer for the moment `due` on the clock of zl_clock_now. It never fires early: libuv
 * counts whole milliseconds, so the moment is rounded up. */
void zl_timers_start(uv_timer_t *timer, uv_timer_cb callback, uint64_t due);

/* The callback of a timer that has nothing to do but to wake the loop, for its turn to look at the
 * time. uv_run(UV_RUN_ONCE) of libuv 1.44 calls what is due first and sleeps then all the same. */
void zl_timers_ring(uv_timer_t *timer);
