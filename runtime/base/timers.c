/* SPDX-License-Identifier: MIT */
/* See timers.h. */
#include "runtime/base/timers.h"

#include "runtime/base/clock.h"

void zl_timers_wake(uv_loop_t *uv)
{
    uv_async_send(uv->data);
}

void zl_timers_start(uv_timer_t *timer, uv_timer_cb callback, uint64_t due)
{
    uv_update_time(timer->loop);
    uint64_t when = (due + ZL_MS - 1) / ZL_MS, now = uv_now(timer->loop);
    uv_timer_start(timer, callback, when > now ? when - now : 0, 0);
}

void zl_timers_ring(uv_timer_t *timer)
{
    zl_timers_wake(timer->loop);
}
