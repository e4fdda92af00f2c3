/* SPDX-License-Identifier: MIT */
/* See reaper.h. */
#include "runtime/script/reaper.h"

#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/script/generation.h"
#include "runtime/script/host.h"

enum { MOMENT_MS = 500 };

void zl_reaper_turn(struct zl_host *host)
{
    struct zl_generation *next, *generation = TAILQ_FIRST(&host->remains);
    for (; generation; generation = next) {
        next = TAILQ_NEXT(generation, link);
        if (!zl_generation_finish(generation))
            continue;
        TAILQ_REMOVE(&host->remains, generation, link);
        if (generation->is_released)
            zl_generation_free(generation);
    }
}

bool zl_reaper_fini(struct zl_host *host)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    uint64_t deadline = zl_clock_in_ms(MOMENT_MS);
    zl_reaper_turn(host);
    while (!TAILQ_EMPTY(&host->remains) && zl_clock_now() < deadline) {
        nanosleep(&pause, NULL);
        zl_reaper_turn(host);
    }
    struct zl_generation *generation;
    TAILQ_FOREACH(generation, &host->remains, link)
    zl_luv_loop_free(generation->luv_loop);
    return !TAILQ_EMPTY(&host->remains);
}
