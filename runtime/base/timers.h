/* SPDX-License-Identifier: MIT */
/* Timers of a libuv loop on the host's clock, and waking the loop. `uv->data` is the uv_async_t
 * that wakes it. Belongs to the loop's thread, except zl_timers_wake. */
#pragma once

#include <stdint.h>
#include <uv.h>

/* Wakes the loop. Callable from any thread and from signal handlers. */
void zl_timers_wake(uv_loop_t *uv);

/* Starts the timer to fire at `due` (zl_clock_now's clock). It never fires early: libuv counts
 * whole milliseconds, so the time is rounded up. */
void zl_timers_start(uv_timer_t *timer, uv_timer_cb callback, uint64_t due);

/* A timer callback that only wakes the loop, whose next turn checks the time. It is needed because
 * uv_run(UV_RUN_ONCE) of libuv 1.44 runs due timers first and then sleeps nevertheless. */
void zl_timers_ring(uv_timer_t *timer);
