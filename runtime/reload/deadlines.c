/* SPDX-License-Identifier: MIT */
/* See deadlines.h. */
#include "runtime/reload/deadlines.h"
#include "runtime/base/clock.h"
#include "runtime/base/timers.h"

void zl_deadlines_init(struct zl_deadlines *deadlines, uv_loop_t *uv)
{
    uv_timer_init(uv, &deadlines->timer);
}

void zl_deadlines_fini(struct zl_deadlines *deadlines)
{
    uv_close((uv_handle_t *)&deadlines->timer, NULL);
}

static void arm(struct zl_deadlines *deadlines)
{
    uint64_t first = 0;
    for (int i = 0; i < ZL_DUE_COUNT; i++)
        if (deadlines->due[i] && (!first || deadlines->due[i] < first))
            first = deadlines->due[i];
    if (!first) {
        uv_timer_stop(&deadlines->timer);
        return;
    }
    zl_timers_start(&deadlines->timer, zl_timers_ring, first);
}

void zl_deadlines_set(struct zl_deadlines *deadlines, enum zl_due due, double seconds)
{
    deadlines->due[due] = zl_clock_in(seconds);
    arm(deadlines);
}

void zl_deadlines_clear(struct zl_deadlines *deadlines, enum zl_due due)
{
    if (!deadlines->due[due])
        return;
    deadlines->due[due] = 0;
    arm(deadlines);
}

bool zl_deadlines_has(const struct zl_deadlines *deadlines, enum zl_due due)
{
    return deadlines->due[due] > 0;
}

bool zl_deadlines_is_due(const struct zl_deadlines *deadlines, enum zl_due due)
{
    return deadlines->due[due] > 0 && zl_clock_now() >= deadlines->due[due];
}
