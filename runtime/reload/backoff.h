/* SPDX-License-Identifier: MIT */
/* How long to wait before a failed script is started again, and when to give up (--restart). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { ZL_BACKOFF_MOST = 5, ZL_BACKOFF_WITHIN = 30 /* seconds */ };

/* Zeroed: no failure yet. */
struct zl_backoff {
    uint64_t failures[ZL_BACKOFF_MOST + 1]; /* the last ones, on the clock of zl_clock_now */
    unsigned count;
    uint64_t last; /* failure, counted or not */
    double delay;  /* the last one, in seconds */
};

/* What a failed generation has achieved. */
enum zl_progress {
    ZL_NO_PROGRESS,
    ZL_TRY_USED, /* of a message that is given again a limited number of times */
    ZL_PROGRESS  /* a message was handled, or given up */
};

/* A failure at `now`. One after progress is the first in a row; one that has used up a try makes
 * the pauses longer, but is not counted. The seconds to wait, or a negative number when there were
 * more than ZL_BACKOFF_MOST within ZL_BACKOFF_WITHIN seconds. */
double zl_backoff_delay(struct zl_backoff *restart, uint64_t now, enum zl_progress progress);
