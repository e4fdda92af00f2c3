/* SPDX-License-Identifier: MIT */
/* See restart.h. */
#include "runtime/reload/restart.h"

#include "runtime/base/clock.h"
#include "runtime/base/log.h"

/* What there was since the last failure: a message that was handled, or given up, is behind us. */
static enum zl_progress take_progress(struct zl_redelivery *since)
{
    bool is_over = since->handled + since->given_up > 0, is_try = since->tries_used > 0;
    since->handled = since->given_up = since->tries_used = 0;
    return is_over ? ZL_PROGRESS : is_try ? ZL_TRY_USED : ZL_NO_PROGRESS;
}

/* Nobody serves: the script is started again after a pause, if it is to be. */
void zl_restart_schedule(struct zl_serving *reload)
{
    if (!reload->options.restart)
        return;
    double delay =
        zl_backoff_delay(&reload->restart, zl_clock_now(), take_progress(&reload->hub->redelivery));
    if (delay >= 0) {
        zl_deadlines_set(&reload->deadlines, ZL_DUE_RESTART, delay);
        return;
    }
    zl_log(ZL_ERROR, "", "the script has failed more than %d times within %d s: giving up%s",
           ZL_BACKOFF_MOST, ZL_BACKOFF_WITHIN, reload->options.watch ? " until the next save" : "");
    reload->is_over = !reload->options.watch;
    reload->exit_code = zl_serving_generation(reload)->exit_code;
}
