/* SPDX-License-Identifier: MIT */
/* Moments at which something is due around reloads, and the timer that wakes the loop for the first
 * of them; who set a moment asks whether it has come. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum zl_due {
    ZL_DUE_WARNING,  /* a task keeps an attempt waiting */
    ZL_DUE_STALL,    /* requests are handed out while an attempt waits for replies */
    ZL_DUE_SETTLE,   /* sockets that nobody has taken over are closed */
    ZL_DUE_REMINDER, /* of a failed attempt */
    ZL_DUE_RESTART,  /* of a failed script */
    ZL_DUE_COUNT
};

struct zl_deadlines {
    uint64_t due[ZL_DUE_COUNT]; /* on the clock of zl_clock_now; 0 for never */
    uv_timer_t timer;
};

void zl_deadlines_init(struct zl_deadlines *deadlines, uv_loop_t *uv);
void zl_deadlines_fini(struct zl_deadlines *deadlines);

/* `seconds` from now. */
void zl_deadlines_set(struct zl_deadlines *deadlines, enum zl_due due, double seconds);
void zl_deadlines_clear(struct zl_deadlines *deadlines, enum zl_due due);

/* Whether it is set; whether its moment has come. */
bool zl_deadlines_has(const struct zl_deadlines *deadlines, enum zl_due due);
bool zl_deadlines_is_due(const struct zl_deadlines *deadlines, enum zl_due due);
