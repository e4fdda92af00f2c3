/* SPDX-License-Identifier: MIT */
/* See loop.h. A turn: run the ready tasks, advance the phase, then let libuv sleep until something
 * happens. Right before the sleep, the dirty sockets are polled (admission.c explains why). */
#include "runtime/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/exit.h"
#include "runtime/base/fork.h"
#include "runtime/base/limits.h"
#include "runtime/base/log.h"
#include "runtime/base/output.h"
#include "runtime/base/reason.h"
#include "runtime/base/signals.h"
#include "runtime/base/standard.h"
#include "runtime/base/timers.h"
#include "runtime/reload/supervisor.h"
#include "runtime/script/reaper.h"
#include "runtime/socket/admission.h"
#include "runtime/socket/delivery.h"
#include "runtime/socket/drain.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/inflight.h"
#include "runtime/socket/reqrep.h"
#include "runtime/socket/sockets.h"
#include "runtime/socket/waitq.h"
#include "runtime/zmq/context.h"
#include "runtime/zmq/linger.h"
#include "runtime/task_ops.h"

/* Descriptors that a libuv loop opens, plus one to read the script; bytes that it allocates. */
enum { LOOP_DESCRIPTORS = 7, LOOP_MEMORY = 65536 };

/* Rounds of ready tasks between two turns of libuv. */
enum { ROUNDS = 8 };

static inline struct zl_generation *current(const struct zl_loop *loop)
{
    return zl_generation_of(loop->hub.sched.group);
}

/* --- init and fini --------------------------------------------------------------------------- */

static void never(uv_idle_t *idle)
{
    (void)idle; /* an active idle handle keeps libuv from sleeping */
}

/* Whether nothing is left to run or to wait for. */
static bool is_over(const struct zl_loop *loop)
{
    return loop->hub.sched.phase == ZL_RUNNING && !zl_generation_lives(current(loop)) &&
           !zl_supervisor_waits(&loop->reload);
}

static void before_sleep(uv_prepare_t *prepare)
{
    struct zl_loop *loop = prepare->data;
    zl_log_flush();
    zl_luv_loop_turn(current(loop)->luv_loop);
    if (current(loop)->luv_loop)
        zl_signals_renew();
    zl_reaper_turn(&loop->host);
    zl_admission_poll_dirty(&loop->hub);
    if (!TAILQ_EMPTY(&loop->hub.sched.group->ready) || !TAILQ_EMPTY(&loop->hub.dirty) ||
        is_over(loop) || current(loop)->records.count > 0) {
        uv_idle_start(&loop->idle, never);
        return;
    }
    uv_idle_stop(&loop->idle);
    zl_standard_flush(); /* shows the output of a waiting script, in a file or pipe too */
}

static void handle_signals(struct zl_loop *loop)
{
    char cause[64];
    if (loop->hub.sched.phase == ZL_RUNNING && zl_signals_pending() != 0)
        zl_loop_stop(loop, 0, zl_signals_describe(cause, sizeof cause));
}

static void on_interrupt(uv_async_t *async)
{
    struct zl_loop *loop = async->data;
    handle_signals(loop);
    if (zl_signals_reload())
        zl_supervisor_request(&loop->reload, "SIGHUP");
}

/* libuv aborts if it gets no descriptor or no memory for the first loop of a process. */
static bool has_room(char *why)
{
    void *volatile probe = malloc(LOOP_MEMORY);
    free(probe);
    if (!probe)
        snprintf(why, ZL_WHY_MAX, "not enough memory");
    return probe && zl_limits_headroom(LOOP_DESCRIPTORS, why);
}

bool zl_loop_init(struct zl_loop *loop, double drain_timeout)
{
    char why[ZL_WHY_MAX];
    if (!has_room(why)) {
        fprintf(stderr, "zlrun: %s\n", why);
        return false;
    }
    int error = uv_loop_init(&loop->uv);
    if (error) {
        fprintf(stderr, "zlrun: the event loop could not be created: %s\n", uv_strerror(error));
        return false;
    }
    loop->hub.drain_timeout = drain_timeout;
    loop->hub.sched.watchdog.drain_ns = (uint64_t)(drain_timeout * 1e9);
    zl_sched_init(&loop->hub.sched, &loop->uv, &zl_task_ops_of_host, &loop->outside.task);
    zl_task_init_outside(&loop->outside.task, &loop->hub.sched);
    if (!zl_sockets_init(&loop->hub)) {
        fputs("zlrun: not enough memory\n", stderr);
        uv_loop_close(&loop->uv);
        return false;
    }
    zl_host_init(&loop->host, &loop->hub.sched);
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_async_init(&loop->uv, &loop->interrupt, on_interrupt);
    uv_timer_init(&loop->uv, &loop->drain_timer);
    zl_supervisor_init(&loop->reload, &loop->hub, &loop->host);
    loop->prepare.data = loop->interrupt.data = loop;
    loop->uv.data = &loop->interrupt;
    uv_prepare_start(&loop->prepare, before_sleep);
    return true;
}

bool zl_loop_close(struct zl_loop *loop)
{
    loop->is_accounted = true; /* nothing is left that could be */
    zl_sched_refuse(&loop->hub.sched, true);
    if (loop->hub.sched.group)
        zl_records_deliver(&current(loop)->records);
    zl_supervisor_fini(&loop->reload);
    zl_reqrep_forget(&loop->outside.task); /* from zl_drain_count_dropped */
    zl_log_flush();
    zl_children_finish(&loop->host.children);
    bool has_requests = zl_reaper_fini(&loop->host);
    zl_children_fini(&loop->host.children);
    zl_signals_stop();
    zl_runaway_stop(&loop->hub.sched.runaway);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->interrupt, NULL);
    uv_close((uv_handle_t *)&loop->drain_timer, NULL);
    zl_sockets_fini(&loop->hub);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_loop_close(&loop->uv);
    return has_requests;
}

void zl_loop_fini(struct zl_loop *loop)
{
    zl_loop_close(loop);
    zl_watchdog_stop(&loop->hub.sched.watchdog);
}

static void on_stop_request(void *watchdog)
{
    zl_watchdog_begin_end(watchdog);
}

void zl_loop_engage(struct zl_loop *loop)
{
    struct zl_sched *sched = &loop->hub.sched;
    if (loop->engaged)
        return;
    loop->engaged = true;
    zl_runaway_start(&sched->runaway, 0);
    zl_watchdog_start(&sched->watchdog);
    zl_signals_start(&loop->uv, on_stop_request, &sched->watchdog);
}

/* --- running --------------------------------------------------------------------------------- */

/* Runs every task that is ready now. Tasks that become ready meanwhile run after libuv's next
 * turn. */
static void run_ready(struct zl_loop *loop)
{
    struct zl_sched *sched = &loop->hub.sched;
    struct zl_group *group = sched->group;
    struct zl_task *last = TAILQ_LAST(&group->ready, zl_task_list);
    struct zl_task *task = NULL;
    while (task != last && sched->phase != ZL_ENDED && !group->failed) {
        task = TAILQ_FIRST(&group->ready);
        TAILQ_REMOVE(&group->ready, task, link);
        zl_sched_begin_turn(sched);
        bool is_last = task == last;
        if (zl_task_ops_of_host.may_run(task)) {
            /* No frames are being passed to Lua, even if an error cut that short. */
            loop->hub.shared.received = NULL;
            zl_task_resume(task);
        } else {
            zl_waitq_pass_baton(task);
            zl_task_rest(task);
        }
        if (is_last)
            return;
    }
}

/* --- stopping -------------------------------------------------------------------------------- */

static void begin_stop(struct zl_loop *loop, enum zl_phase phase, int code)
{
    zl_fork_leave(code);
    loop->hub.sched.phase = phase;
    loop->exit_code = code;
    loop->hub.drain_deadline = zl_watchdog_begin_end(&loop->hub.sched.watchdog);
    atomic_store(&loop->hub.sched.watchdog.stopping, true);
}

void zl_loop_stop(struct zl_loop *loop, int code, const char *cause)
{
    if (loop->hub.sched.phase != ZL_RUNNING)
        return;
    begin_stop(loop, cause ? ZL_DRAINING : ZL_ENDING, code);
    zl_drain_begin(&loop->hub, cause);
    loop->exit_code = zl_supervisor_stop(&loop->reload, loop->exit_code);
    if (cause)
        zl_admission_drain(&loop->hub);
    else
        zl_admission_stop(&loop->hub);
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->drain_timer, zl_timers_ring,
                   (uint64_t)(loop->hub.drain_timeout * 1000) + 1, 0);
    zl_timers_wake(&loop->uv); /* the loop may be about to sleep */
}

void zl_loop_fail(struct zl_loop *loop, int code)
{
    if (loop->hub.sched.phase == ZL_RUNNING)
        begin_stop(loop, ZL_ENDED, code);
    loop->hub.sched.phase = ZL_ENDED;
    loop->exit_code = code;
    zl_timers_wake(&loop->uv);
}

/* The fate of a tracked delivery is logged when it is set aside. */
static const char *fate_of_delivery(const struct zl_task *task)
{
    const struct zl_work *work = zl_work_of(task);
    if (work->deliveries)
        return " handling its message";
    return work->held || work->inherited ? ", and its message is lost" : "";
}

/* Called at the drain deadline: logs the tasks that did not finish; their deliveries are logged and
 * dead-lettered. */
static void report_unfinished(struct zl_loop *loop)
{
    enum { MOST_NAMED = 10 };
    struct zl_task *task;
    unsigned count = 0;
    TAILQ_FOREACH(task, &loop->hub.sched.group->tasks, all)
    {
        char line[128];
        if (zl_task_at_rest(task) || ++count > MOST_NAMED)
            continue;
        zl_task_line(task, line, sizeof line);
        zl_log(
            ZL_ERROR, line,
            "the drain deadline has passed; the task waiting here (defined at %s) did not finish%s",
            task->where, fate_of_delivery(task));
    }
    if (count > MOST_NAMED)
        zl_log(ZL_ERROR, "", "%u more tasks did not finish", count - MOST_NAMED);
    if (current(loop)->stops > 0)
        zl_log(ZL_ERROR, "", "functions of zeroless.on_stop that were not called: %d",
               current(loop)->stops);
    zl_supervisor_set_aside(&loop->reload);
}

/* Whether tasks that have just been woken to end are to run first: with a drain timeout close to 0
 * they had no time to. */
static bool has_late_turn(struct zl_loop *loop)
{
    enum { MOST_LATE = 16 };
    return !TAILQ_EMPTY(&loop->hub.sched.group->ready) && loop->late_turns++ < MOST_LATE;
}

/* Moves to the next phase when the current one is done, or its time is over. */
static void advance(struct zl_loop *loop)
{
    handle_signals(loop);
    zl_supervisor_turn(&loop->reload);
    if (loop->reload.is_over && loop->hub.sched.phase != ZL_ENDED)
        zl_loop_fail(loop, loop->reload.exit_code);
    if (is_over(loop))
        zl_loop_stop(loop, 0, NULL);
    if (loop->hub.sched.phase == ZL_RUNNING || loop->hub.sched.phase == ZL_ENDED)
        return;
    zl_drain_tell(&loop->hub);
    if (loop->hub.sched.phase == ZL_DRAINING) {
        if (!zl_drain_turn(&loop->hub))
            return;
        loop->hub.sched.phase = ZL_ENDING;
        zl_admission_stop(&loop->hub);
    }
    struct zl_task *busy = zl_group_unfinished(loop->hub.sched.group);
    if (busy && zl_clock_now() >= loop->hub.drain_deadline && !has_late_turn(loop)) {
        report_unfinished(loop);
        zl_loop_fail(loop, ZL_EXIT_UNDRAINED);
        return;
    }
    /* No task may wait for messages any more, including waits that begin in this phase. */
    if (busy && loop->hub.sched.phase == ZL_ENDING) {
        zl_admission_stop(&loop->hub);
        zl_group_wake_finishing(loop->hub.sched.group);
    }
    if (!busy) {
        loop->hub.sched.phase = ZL_CALLBACKS;
        if (!zl_generation_run_next_stop(current(loop)))
            zl_loop_fail(loop, ZL_EXIT_ERROR);
        busy = zl_group_unfinished(loop->hub.sched.group);
    }
    if (busy)
        return;
    loop->hub.sched.phase = ZL_ENDED;
    if (current(loop)->has_failed_callback)
        loop->exit_code = ZL_EXIT_ERROR;
}

void zl_loop_run(struct zl_loop *loop)
{
    for (;;) {
        run_ready(loop);
        zl_records_deliver(&current(loop)->records);
        advance(loop);
        if (loop->hub.sched.phase == ZL_ENDED)
            return;
        zl_admission_poll_dirty(&loop->hub);
        if (TAILQ_EMPTY(&loop->hub.sched.group->ready) || ++loop->rounds == ROUNDS) {
            loop->rounds = 0;
            uv_run(&loop->uv, UV_RUN_ONCE);
        }
    }
}
