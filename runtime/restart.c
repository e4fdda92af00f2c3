/* SPDX-License-Identifier: MIT */
/* See restart.h. The delay grows from failure to failure, and starts anew after progress or a time
 * without failures. */
#include "runtime/restart.h"

double zl_restart_delay(struct zl_restart *restart, uint64_t now, bool progress)
{
    const double first = 0.1, factor = 1.5, longest = 15;
    const uint64_t within = (uint64_t)ZL_RESTART_WITHIN * 1000000000;
    enum { KEPT = ZL_RESTART_MOST + 1 };
    uint64_t last = restart->count ? restart->failures[(restart->count - 1) % KEPT] : 0;
    if (progress || (last && now - last > within))
        *restart = (struct zl_restart){.count = 0};
    restart->failures[restart->count++ % KEPT] = now;
    uint64_t oldest = restart->count >= KEPT ? restart->failures[restart->count % KEPT] : 0;
    if (oldest && now - oldest <= within)
        return -1;
    restart->delay = restart->delay == 0 ? first : restart->delay * factor;
    if (restart->delay > longest)
        restart->delay = longest;
    return restart->delay;
}
