/* SPDX-License-Identifier: MIT */
/* See backoff.h. The delay grows from failure to failure, and starts anew after progress or a time
 * without failures. */
#include "runtime/reload/backoff.h"

/* Whether one more failure is too many. */
static bool count_failure(struct zl_backoff *restart, uint64_t now)
{
    const uint64_t within = (uint64_t)ZL_BACKOFF_WITHIN * 1000000000;
    enum { KEPT = ZL_BACKOFF_MOST + 1 };
    restart->failures[restart->count++ % KEPT] = now;
    uint64_t oldest = restart->count >= KEPT ? restart->failures[restart->count % KEPT] : 0;
    return oldest && now - oldest <= within;
}

double zl_backoff_delay(struct zl_backoff *restart, uint64_t now, enum zl_progress progress)
{
    const double first = 0.1, factor = 1.5, longest = 15;
    const uint64_t within = (uint64_t)ZL_BACKOFF_WITHIN * 1000000000;
    if (progress == ZL_PROGRESS || (restart->last && now - restart->last > within))
        *restart = (struct zl_backoff){.count = 0};
    restart->last = now;
    if (progress != ZL_TRY_USED && count_failure(restart, now))
        return -1;
    restart->delay = restart->delay == 0 ? first : restart->delay * factor;
    if (restart->delay > longest)
        restart->delay = longest;
    return restart->delay;
}
