/* SPDX-License-Identifier: MIT */
/* How long to wait before a failed script is started again, and when to give up (--restart). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { ZL_RESTART_MOST = 5, ZL_RESTART_WITHIN = 30 /* seconds */ };

/* Zeroed: no failure yet. */
struct zl_restart {
    uint64_t failures[ZL_RESTART_MOST + 1]; /* the last ones, on the clock of zl_loop_now */
    unsigned count;
    double delay; /* the last one, in seconds */
};

/* A failure at `now`; `progress`: the failed generation had handled a message, so it does not count
 * as one more in a row. The seconds to wait, or a negative number when there were more than
 * ZL_RESTART_MOST within ZL_RESTART_WITHIN seconds. */
double zl_restart_delay(struct zl_restart *restart, uint64_t now, bool progress);
