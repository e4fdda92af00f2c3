/* SPDX-License-Identifier: MIT */
/* See deadlines.h. */
#include "runtime/reload/deadlines.h"

void zl_timer_wakes(uv_timer_t *timer)
{
    uv_async_send(timer->loop->data);
}

void zl_agenda_init(struct zl_agenda *agenda, uv_loop_t *uv)
{
    uv_timer_init(uv, &agenda->timer);
}

void zl_agenda_fini(struct zl_agenda *agenda)
{
    uv_close((uv_handle_t *)&agenda->timer, NULL);
}

/* libuv counts whole milliseconds on the same clock: rounded up, so that what is due is over when
 * the timer has run; it runs only once. */
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
    uv_update_time(agenda->timer.loop);
    uint64_t due = (first + 999999) / 1000000, now = uv_now(agenda->timer.loop);
    uv_timer_start(&agenda->timer, zl_timer_wakes, due > now ? due - now : 0, 0);
}

void zl_agenda_set(struct zl_agenda *agenda, enum zl_due due, double seconds)
{
    agenda->due[due] = uv_hrtime() + (uint64_t)(seconds * 1e9);
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
    return agenda->due[due] > 0 && uv_hrtime() >= agenda->due[due];
}
