/* SPDX-License-Identifier: MIT */
/* See parking.h. A task that waits for a reply is not at rest, and its request may wait at a reply
 * socket of this process, which hands out nothing new. So while replies are waited for, requests
 * are handed out after all, in batches: 1, 2, 4... after pauses that grow alike. A ring of workers
 * that ask each other gets through, and a steady load does not keep parking from its end. */
#include "runtime/reload/parking.h"

#include <stdio.h>

#include "runtime/base/log.h"
#include "runtime/loop.h"

/* Seconds. */
enum { FIRST_WARNING = 1, SECOND_WARNING = 10, LATER_WARNINGS = 60 };
static const double first_stall = 0.1;

void zl_parking_begin(struct zl_loop *loop)
{
    loop->reload.parking =
        (struct zl_parking){.warned = 0, .stalled = first_stall, .batch = 1, .requests = 0};
    loop->generation->life = ZL_PARKING;
    zl_socket_hold_back(loop);
    zl_agenda_set(&loop->reload.agenda, ZL_DUE_WARNING, FIRST_WARNING);
    zl_agenda_set(&loop->reload.agenda, ZL_DUE_STALL, first_stall);
}

void zl_parking_end(struct zl_loop *loop)
{
    loop->reload.parking.requests = 0;
    zl_agenda_clear(&loop->reload.agenda, ZL_DUE_WARNING);
    zl_agenda_clear(&loop->reload.agenda, ZL_DUE_STALL);
}

bool zl_parking_admit(struct zl_loop *loop)
{
    struct zl_parking *parking = &loop->reload.parking;
    if (parking->requests == 0)
        return false;
    parking->requests--;
    return true;
}

static void hand_out_requests(struct zl_loop *loop)
{
    struct zl_parking *parking = &loop->reload.parking;
    struct zl_socket *socket;
    parking->requests = parking->batch;
    parking->batch *= 2;
    parking->stalled *= 2;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        if (socket->pattern->id == ZL_REPLY)
            zl_socket_touch(socket);
    }
}

static void warn(struct zl_loop *loop, const struct zl_task *busy)
{
    struct zl_parking *parking = &loop->reload.parking;
    char line[128];
    int next = parking->warned == 0 ? SECOND_WARNING - FIRST_WARNING : LATER_WARNINGS;
    parking->warned += parking->warned == 0               ? FIRST_WARNING
                       : parking->warned < SECOND_WARNING ? SECOND_WARNING - FIRST_WARNING
                                                          : LATER_WARNINGS;
    zl_task_line(busy, line, sizeof line);
    zl_log(ZL_WARN, line,
           "the reload waits for the task that waits here (it begins at %s), for %d s now: it has "
           "a message in hand, or a question without its reply",
           busy->where, parking->warned);
    zl_agenda_set(&loop->reload.agenda, ZL_DUE_WARNING, next);
}

bool zl_parking_is_over(struct zl_loop *loop)
{
    struct zl_generation *generation = loop->generation;
    struct zl_agenda *agenda = &loop->reload.agenda;
    if (!zl_reload_is_serving(loop))
        return true;
    struct zl_task *asker = zl_exchange_asker(generation);
    struct zl_task *unfinished = zl_generation_unfinished(generation);
    if (!asker && !unfinished)
        return true;
    if (asker)
        zl_generation_wake_resting(generation);
    if (zl_agenda_is_due(agenda, ZL_DUE_STALL)) {
        if (asker)
            hand_out_requests(loop);
        zl_agenda_set(agenda, ZL_DUE_STALL, loop->reload.parking.stalled);
    }
    if (zl_agenda_is_due(agenda, ZL_DUE_WARNING))
        warn(loop, unfinished ? unfinished : asker);
    return false;
}
