/* SPDX-License-Identifier: MIT */
/* See deadlines.h. */
#include "runtime/reload/deadlines.h"
#include "runtime/base/clock.h"
#include "runtime/base/timers.h"

void zl_agenda_init(struct zl_agenda *agenda, uv_loop_t *uv)
{
    uv_timer_init(uv, &agenda->timer);
}

void zl_agenda_fini(struct zl_agenda *agenda)
{
    uv_close((uv_handle_t *)&agenda->timer, NULL);
}

static void arm(struct zl_agenda *agenda)
{
    uint64_t first = 0;
    for (int i = 0; i < ZL_DUE_COUNT; i++)
        if (agenda->due[i] && (!first || agenda->due[i] < first))
            first = agenda->due[i];
    if (!first) {
        uv_timer_stop(&agenda->timer);
        return;
    }
    zl_timer_start(&agenda->timer, zl_timer_wakes, first);
}

void zl_agenda_set(struct zl_agenda *agenda, enum zl_due due, double seconds)
{
    agenda->due[due] = zl_clock_in(seconds);
    arm(agenda);
}

void zl_agenda_clear(struct zl_agenda *agenda, enum zl_due due)
{
    if (!agenda->due[due])
        return;
    agenda->due[due] = 0;
    arm(agenda);
}

bool zl_agenda_has(const struct zl_agenda *agenda, enum zl_due due)
{
    return agenda->due[due] > 0;
}

bool zl_agenda_is_due(const struct zl_agenda *agenda, enum zl_due due)
{
    return agenda->due[due] > 0 && zl_clock_now() >= agenda->due[due];
}
