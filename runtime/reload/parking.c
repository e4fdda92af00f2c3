/* SPDX-License-Identifier: MIT */
/* See parking.h. A task that waits for a reply is not at rest, and its request may wait at a reply
 * socket of this process, which hands out nothing new. So while replies are waited for, requests
 * are handed out after all, in batches: 1, 2, 4... after pauses that grow alike. A ring of workers
 * that ask each other gets through, and a steady load does not keep parking from its end. */
#include "runtime/reload/parking.h"

#include <stdio.h>

#include "runtime/base/log.h"
#include "runtime/socket/admission.h"
#include "runtime/socket/reqrep.h"
#include "runtime/socket/waitq.h"

/* Seconds. */
enum { FIRST_WARNING = 1, SECOND_WARNING = 10, LATER_WARNINGS = 60 };
static const double first_stall = 0.1;

void zl_parking_begin(struct zl_serving *reload)
{
    reload->parking = (struct zl_parking){.warned = 0, .stalled = first_stall, .batch = 1};
    reload->hub->sched.group->life = ZL_PARKING;
    reload->hub->admitted = 0;
    zl_admission_hold_back(reload->hub);
    zl_deadlines_set(&reload->deadlines, ZL_DUE_WARNING, FIRST_WARNING);
    zl_deadlines_set(&reload->deadlines, ZL_DUE_STALL, first_stall);
}

void zl_parking_end(struct zl_serving *reload)
{
    reload->hub->admitted = 0;
    zl_deadlines_clear(&reload->deadlines, ZL_DUE_WARNING);
    zl_deadlines_clear(&reload->deadlines, ZL_DUE_STALL);
}

static void hand_out_requests(struct zl_serving *reload)
{
    struct zl_parking *parking = &reload->parking;
    struct zl_socket *socket;
    reload->hub->admitted = parking->batch;
    parking->batch *= 2;
    parking->stalled *= 2;
    TAILQ_FOREACH(socket, &reload->hub->sockets, all)
    {
        if (socket->pattern->id == ZL_REPLY)
            zl_waitq_mark_dirty(socket);
    }
}

static void warn(struct zl_serving *reload, const struct zl_task *busy)
{
    struct zl_parking *parking = &reload->parking;
    char line[128];
    int next = parking->warned == 0 ? SECOND_WARNING - FIRST_WARNING : LATER_WARNINGS;
    parking->warned += parking->warned == 0               ? FIRST_WARNING
                       : parking->warned < SECOND_WARNING ? SECOND_WARNING - FIRST_WARNING
                                                          : LATER_WARNINGS;
    zl_task_line(busy, line, sizeof line);
    zl_log(ZL_WARN, line,
           "the reload waits for the task waiting here (defined at %s), for %d s now: it has a "
           "message in hand, or a request without a reply",
           busy->where, parking->warned);
    zl_deadlines_set(&reload->deadlines, ZL_DUE_WARNING, next);
}

bool zl_parking_is_over(struct zl_serving *reload)
{
    struct zl_group *group = reload->hub->sched.group;
    struct zl_deadlines *deadlines = &reload->deadlines;
    if (!zl_serving_is_alive(reload))
        return true;
    struct zl_task *requester = zl_reqrep_requester(group);
    struct zl_task *unfinished = zl_group_unfinished(group);
    if (!requester && !unfinished)
        return true;
    if (requester)
        zl_group_wake_resting(group);
    if (zl_deadlines_is_due(deadlines, ZL_DUE_STALL)) {
        if (requester)
            hand_out_requests(reload);
        zl_deadlines_set(deadlines, ZL_DUE_STALL, reload->parking.stalled);
    }
    if (zl_deadlines_is_due(deadlines, ZL_DUE_WARNING))
        warn(reload, unfinished ? unfinished : requester);
    return false;
}
