/* SPDX-License-Identifier: MIT */
/* See host.h. */
#include "runtime/script/host.h"

void zl_host_init(struct zl_host *host, struct zl_sched *sched)
{
    host->sched = sched;
    TAILQ_INIT(&host->remains);
    TAILQ_INIT(&host->luv_loops);
    zl_children_init(&host->children, sched->uv);
}
