/* SPDX-License-Identifier: MIT */
/* See reaper.h. */
#include "runtime/script/reaper.h"

#include <time.h>

#include "runtime/script/generation.h"
#include "runtime/loop.h"
#include "runtime/base/clock.h"

enum { MOMENT_MS = 500 };

void zl_reaper_add(struct zl_generation *generation)
{
    TAILQ_INSERT_TAIL(&generation->loop->remains, generation, link);
}

void zl_reaper_turn(struct zl_loop *loop)
{
    struct zl_generation *next, *generation = TAILQ_FIRST(&loop->remains);
    for (; generation; generation = next) {
        next = TAILQ_NEXT(generation, link);
        if (!zl_generation_finish(generation))
            continue;
        TAILQ_REMOVE(&loop->remains, generation, link);
        if (generation->is_released)
            zl_generation_free(generation);
    }
}

bool zl_reaper_fini(struct zl_loop *loop)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    uint64_t deadline = zl_clock_now() + (uint64_t)MOMENT_MS * 1000000;
    zl_reaper_turn(loop);
    while (!TAILQ_EMPTY(&loop->remains) && zl_clock_now() < deadline) {
        nanosleep(&pause, NULL);
        zl_reaper_turn(loop);
    }
    struct zl_generation *generation;
    TAILQ_FOREACH(generation, &loop->remains, link)
    zl_nested_free(generation->nested);
    return !TAILQ_EMPTY(&loop->remains);
}
