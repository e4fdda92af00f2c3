/* SPDX-License-Identifier: MIT */
/* See task_ops.h. */
#include "runtime/task_ops.h"

#include "runtime/script/generation.h"
#include "runtime/socket/delivery.h"
#include "runtime/socket/drain.h"
#include "runtime/socket/hub.h"
#include "runtime/socket/inflight.h"
#include "runtime/socket/reqrep.h"

static bool has_work(const struct zl_task *task)
{
    return zl_inflight_is_handling(task, NULL);
}

static bool may_run(const struct zl_task *task)
{
    enum zl_phase phase = task->sched->phase;
    bool is_parking = task->group->life == ZL_PARKING;
    /* A task at rest may be the one that reads the reply that parking is waiting for. */
    if (phase == ZL_RUNNING && is_parking && zl_reqrep_requester(task->group))
        return true;
    if (phase == ZL_DRAINING && (zl_work_of(task)->receives || !zl_task_has_begun(task) ||
                                 zl_drain_awaits_start(zl_hub_of(task))))
        return true;
    return (phase == ZL_RUNNING && !is_parking) || !zl_task_at_rest(task);
}

static bool is_crowded(const struct zl_group *group)
{
    return group->live > 1 || zl_hub_of(group->sched->outside)->socket_count > 0 ||
           zl_luv_loop_alive(zl_generation_of(group)->luv_loop);
}

/* An error in a task that another task joins is passed to the joining task. One in an on_stop
 * function does not keep the others from being called. */
static void task_failed(struct zl_task *task, const char *message)
{
    struct zl_generation *generation = zl_generation_of(task->group);
    const struct zl_sched *sched = task->sched;
    bool counts = message || TAILQ_EMPTY(&task->joiners);
    bool is_last = sched->phase == ZL_CALLBACKS && !atomic_load(&sched->runaway.is_ending);
    if (counts && is_last) {
        zl_generation_print_error(generation, task->co, message);
        generation->has_failed_callback = true;
    } else if (counts) {
        zl_generation_failed(generation, task->co, message);
    }
    if (generation->group.failed)
        zl_delivery_reject(task, true);
}

const struct zl_task_ops zl_task_ops_of_host = {
    .size = sizeof(struct zl_work),
    .has_work = has_work,
    .may_run = may_run,
    .is_crowded = is_crowded,
    .spawned = zl_inflight_inherit,
    .ended = zl_inflight_end,
    .failed = task_failed,
};
