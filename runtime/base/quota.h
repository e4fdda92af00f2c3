/* SPDX-License-Identifier: MIT */
/* How often a line that others can provoke is logged: the first at once, then one in a second with
 * the count of those held back. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/clock.h"

struct zl_quota {
    uint64_t until;     /* nothing more is logged before, on the clock of zl_clock_now */
    unsigned long held; /* lines since the last one */
};

enum { ZL_QUOTA_MS = 1000 };

/* Whether the line may be logged; otherwise it is counted. */
static inline bool zl_quota_take(struct zl_quota *quota)
{
    uint64_t now = zl_clock_now();
    if (quota->held > 0 || now < quota->until) {
        quota->held++;
        return false;
    }
    quota->until = now + (uint64_t)ZL_QUOTA_MS * ZL_MS;
    return true;
}

/* The count of held lines, to be logged now; 0 when there are none, or it is too early. */
static inline unsigned long zl_quota_settle(struct zl_quota *quota, bool at_once)
{
    uint64_t now = zl_clock_now();
    unsigned long held = quota->held;
    if (held == 0 || (!at_once && now < quota->until))
        return 0;
    quota->held = 0;
    quota->until = now + (uint64_t)ZL_QUOTA_MS * ZL_MS;
    return held;
}
