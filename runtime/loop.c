/* SPDX-License-Identifier: MIT */
/* See loop.h. A turn: run the ready tasks; move the phase on; let libuv sleep until something
 * happens. Right before the sleep the touched sockets are asked (readiness.c says why). */
#include "runtime/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/context.h"
#include "runtime/drain.h"
#include "runtime/exit.h"
#include "runtime/log.h"
#include "runtime/output.h"
#include "runtime/reaper.h"
#include "runtime/signals.h"
#include "runtime/standard.h"

/* The clock is asked every SLICE_STEPS operations; a task gets SLICE_NS before others have a turn.
 */
enum { SLICE_STEPS = 16, SLICE_NS = 2000000 };

/* What a libuv loop opens, and one to read the script with; bytes that it allocates. */
enum { LOOP_DESCRIPTORS = 7, LOOP_MEMORY = 65536 };

/* So often ready tasks are run before libuv is asked what else has happened. */
enum { ROUNDS = 8 };

uint64_t zl_loop_now(void)
{
    return uv_hrtime();
}

/* --- init and fini --------------------------------------------------------------------------- */

static void never(uv_idle_t *idle)
{
    (void)idle; /* active: keeps libuv from sleeping */
}

/* Whether nothing is left that could do anything. */
static bool is_over(const struct zl_loop *loop)
{
    const struct zl_generation *generation = loop->generation;
    return loop->phase == ZL_RUNNING && generation->live == 0 &&
           !zl_nested_alive(generation->nested) && !zl_reload_waits(loop);
}

static void before_sleep(uv_prepare_t *prepare)
{
    struct zl_loop *loop = prepare->data;
    zl_log_flush();
    zl_nested_turn(loop->generation->nested);
    if (loop->generation->nested)
        zl_signals_renew();
    zl_reaper_turn(loop);
    zl_socket_check_touched(loop);
    if (!TAILQ_EMPTY(&loop->generation->ready) || is_over(loop) ||
        loop->generation->records.count > 0) {
        uv_idle_start(&loop->idle, never);
        return;
    }
    uv_idle_stop(&loop->idle);
    zl_standard_flush(); /* what a waiting script has printed is seen, in a file or a pipe too */
}

static void look_at_signals(struct zl_loop *loop)
{
    char cause[64];
    if (loop->phase == ZL_RUNNING && zl_signals_pending() != 0)
        zl_loop_stop(loop, 0, zl_signals_describe(cause, sizeof cause));
}

static void on_interrupt(uv_async_t *async)
{
    struct zl_loop *loop = async->data;
    look_at_signals(loop);
    if (zl_signals_reload())
        zl_reload_request(loop, "SIGHUP");
}

/* libuv aborts where it gets no descriptor or no memory for the process's first loop. */
static bool has_room(char *why)
{
    void *volatile probe = malloc(LOOP_MEMORY);
    free(probe);
    if (!probe)
        snprintf(why, ZL_WHY_MAX, "not enough memory");
    return probe && zl_context_headroom(LOOP_DESCRIPTORS, why);
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
        fprintf(stderr, "zlrun: no event loop: %s\n", uv_strerror(error));
        return false;
    }
    loop->drain_timeout = drain_timeout;
    loop->watchdog.drain_ns = (uint64_t)(drain_timeout * 1e9);
    loop->watchdog.runaway = &loop->runaway;
    TAILQ_INIT(&loop->sockets);
    TAILQ_INIT(&loop->touched);
    loop->steps = SLICE_STEPS;
    loop->outside.loop = loop;
    loop->outside.status = ZL_TASK_RUNNING;
    loop->current = &loop->outside;
    TAILQ_INIT(&loop->remains);
    TAILQ_INIT(&loop->nesteds);
    zl_children_init(&loop->children, &loop->uv);
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_async_init(&loop->uv, &loop->interrupt, on_interrupt);
    uv_timer_init(&loop->uv, &loop->drain_timer);
    zl_stopping_init(loop);
    zl_reload_init(loop);
    loop->prepare.data = loop->interrupt.data = loop;
    loop->uv.data = &loop->interrupt;
    uv_prepare_start(&loop->prepare, before_sleep);
    return true;
}

bool zl_loop_close(struct zl_loop *loop)
{
    zl_loop_refuse(loop, true);
    if (loop->generation)
        zl_records_deliver(loop->generation);
    zl_reload_fini(loop);
    zl_exchange_forget(&loop->outside); /* of requests that were read to be counted */
    zl_children_finish(&loop->children);
    bool has_requests = zl_reaper_fini(loop);
    zl_children_fini(&loop->children);
    zl_signals_stop();
    zl_runaway_stop(&loop->runaway);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->interrupt, NULL);
    uv_close((uv_handle_t *)&loop->drain_timer, NULL);
    zl_stopping_fini(loop);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_loop_close(&loop->uv);
    zl_inbox_fini(&loop->inbox);
    return has_requests;
}

void zl_loop_fini(struct zl_loop *loop)
{
    zl_loop_close(loop);
    zl_watchdog_stop(&loop->watchdog);
}

void zl_loop_engage(struct zl_loop *loop)
{
    if (loop->engaged)
        return;
    loop->engaged = true;
    zl_runaway_start(&loop->runaway, 0);
    zl_watchdog_start(&loop->watchdog);
    zl_signals_start(loop);
}

/* --- running --------------------------------------------------------------------------------- */

static int64_t coarse_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void zl_loop_begin_slice(struct zl_loop *loop, int64_t nanoseconds)
{
    loop->slice = loop->steps;
    loop->slice_end = coarse_now() + nanoseconds;
}

bool zl_loop_refuse(struct zl_loop *loop, bool refuses)
{
    bool before = loop->refuses;
    loop->refuses = refuses;
    loop->slice = 0; /* the next send or receive sees it */
    return before;
}

/* Code outside any task has no share of time, and could not pause. */
int32_t zl_loop_check_slice(struct zl_loop *loop)
{
    int64_t over = coarse_now() - loop->slice_end;
    loop->steps = over > SLICE_NS ? 1 : SLICE_STEPS;
    /* One that tries again at once, as try does, gets through. */
    loop->slice = loop->refuses ? 0 : loop->steps + 1;
    if (loop->refuses)
        return ZL_REFUSED;
    return loop->current != &loop->outside && over >= 0 ? ZL_PAUSE : 0;
}

bool zl_loop_may_run(const struct zl_task *task)
{
    bool is_parking = task->generation->life == ZL_PARKING;
    /* One at rest may be the one to read the reply that parking waits for. */
    if (task->loop->phase == ZL_RUNNING && is_parking && zl_exchange_asker(task->generation))
        return true;
    if (task->loop->phase == ZL_DRAINING && (task->receives || !zl_task_has_begun(task)))
        return true;
    return (task->loop->phase == ZL_RUNNING && !is_parking) || !zl_task_at_rest(task);
}

/* Runs every task that is ready now; what becomes ready meanwhile comes after libuv had a look. */
static void run_ready(struct zl_loop *loop)
{
    struct zl_generation *generation = loop->generation;
    struct zl_task *last = TAILQ_LAST(&generation->ready, zl_task_list);
    struct zl_task *task = NULL;
    while (task != last && loop->phase != ZL_ENDED && !generation->failed) {
        task = TAILQ_FIRST(&generation->ready);
        TAILQ_REMOVE(&generation->ready, task, link);
        zl_loop_begin_slice(loop, SLICE_NS);
        bool is_last = task == last;
        if (zl_loop_may_run(task)) {
            zl_task_resume(task);
        } else {
            zl_socket_pass_turn(task);
            zl_task_rest(task);
        }
        if (is_last)
            return;
    }
}

/* --- stopping -------------------------------------------------------------------------------- */

static void begin_stop(struct zl_loop *loop, enum zl_phase phase, int code)
{
    loop->phase = phase;
    loop->exit_code = code;
    loop->drain_deadline = zl_watchdog_begin_end(&loop->watchdog);
    atomic_store(&loop->watchdog.stopping, true);
}

void zl_loop_stop(struct zl_loop *loop, int code, const char *cause)
{
    if (loop->phase != ZL_RUNNING)
        return;
    begin_stop(loop, cause ? ZL_DRAINING : ZL_ENDING, code);
    zl_stopping_begin(loop, cause);
    zl_reload_stop(loop);
    if (cause)
        zl_socket_drain_all(loop);
    else
        zl_socket_stop_all(loop);
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->drain_timer, zl_timer_wakes, (uint64_t)(loop->drain_timeout * 1000) + 1,
                   0);
    zl_loop_interrupt(loop); /* it may be on its way to sleep */
}

void zl_loop_fail(struct zl_loop *loop, int code)
{
    if (loop->phase == ZL_RUNNING)
        begin_stop(loop, ZL_ENDED, code);
    loop->phase = ZL_ENDED;
    loop->exit_code = code;
    zl_loop_interrupt(loop);
}

void zl_loop_interrupt(struct zl_loop *loop)
{
    uv_async_send(&loop->interrupt);
}

/* The drain deadline has passed: names the tasks that did not finish, and sets aside what they have
 * in hand. */
static void report_unfinished(struct zl_loop *loop)
{
    enum { MOST_NAMED = 10 };
    struct zl_task *task;
    unsigned count = 0;
    TAILQ_FOREACH(task, &loop->generation->tasks, all)
    {
        char line[128];
        if (zl_task_at_rest(task) || ++count > MOST_NAMED)
            continue;
        zl_task_line(task, line, sizeof line);
        zl_log(ZL_ERROR, line,
               "the drain deadline has passed; the task that waits here (it begins at %s) did not "
               "finish%s",
               task->where,
               zl_task_is_handling(task, NULL) ? ", and the message that it handles is lost" : "");
    }
    if (count > MOST_NAMED)
        zl_log(ZL_ERROR, "", "%u more tasks did not finish", count - MOST_NAMED);
    zl_reload_set_aside(loop);
}

/* Moves to the next phase when the present one is done, or its time is over. */
static void advance(struct zl_loop *loop)
{
    look_at_signals(loop);
    zl_reload_turn(loop);
    if (is_over(loop))
        zl_loop_stop(loop, 0, NULL);
    if (loop->phase == ZL_RUNNING || loop->phase == ZL_ENDED)
        return;
    zl_stopping_tell(loop);
    if (loop->phase == ZL_DRAINING) {
        if (!zl_stopping_turn(loop))
            return;
        loop->phase = ZL_ENDING;
        zl_socket_stop_all(loop);
    }
    struct zl_task *busy = zl_generation_unfinished(loop->generation);
    if (busy && zl_loop_now() >= loop->drain_deadline) {
        report_unfinished(loop);
        zl_loop_fail(loop, ZL_EXIT_UNDRAINED);
        return;
    }
    /* Nobody is to wait for a message any more, whenever the wait began. */
    if (busy && loop->phase == ZL_ENDING) {
        zl_socket_stop_all(loop);
        zl_generation_wake_finishing(loop->generation);
    }
    if (!busy && loop->phase == ZL_ENDING) {
        loop->phase = ZL_CALLBACKS;
        zl_generation_run_callbacks(loop->generation);
        busy = zl_generation_unfinished(loop->generation);
    }
    if (!busy)
        loop->phase = ZL_ENDED;
}

void zl_loop_run(struct zl_loop *loop)
{
    for (;;) {
        run_ready(loop);
        zl_records_deliver(loop->generation);
        advance(loop);
        if (loop->phase == ZL_ENDED)
            return;
        zl_socket_check_touched(loop);
        if (TAILQ_EMPTY(&loop->generation->ready) || ++loop->rounds == ROUNDS) {
            loop->rounds = 0;
            uv_run(&loop->uv, UV_RUN_ONCE);
        }
    }
}

/* What can receive from elsewhere than by inproc stays open until the others are flushed, which may
 * send to it: what sends, and is not bound or does not receive, is closed first. What is sent by
 * inproc is with its receiver already, who reads no more. */
static bool is_closed_first(const struct zl_socket *socket)
{
    return zl_socket_is_inproc(socket) ||
           (socket->pattern->sends && !(socket->pattern->receives && zl_socket_is_bound(socket)));
}

static void close_sockets(struct zl_loop *loop, bool senders_first)
{
    struct zl_socket *next, *socket = TAILQ_FIRST(&loop->sockets);
    for (; socket; socket = next) {
        next = TAILQ_NEXT(socket, all);
        if (!senders_first || is_closed_first(socket))
            zl_socket_close(socket);
    }
}

static void pump(void *world)
{
    struct zl_loop *loop = world;
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        zl_socket_touch(socket);
    }
    zl_socket_check_touched(loop);
}

int zl_loop_drain(struct zl_loop *loop)
{
    loop->current = &loop->outside;
    bool handled = zl_stopping_count_dropped(loop);
    if (!loop->generation->failed && zl_socket_report_waiting(loop) > 0)
        handled = false;
    zl_standard_flush(); /* the watchdog may end the process from here on */
    close_sockets(loop, true);
    bool flushed = zl_drain_wait(loop->drain_deadline, pump, loop);
    close_sockets(loop, false);
    flushed = zl_drain_wait(loop->drain_deadline, pump, loop) && flushed;
    zl_log_flush();
    int code = loop->exit_code == 0 && !(flushed && handled) ? ZL_EXIT_UNDRAINED : loop->exit_code;
    zl_watchdog_drained(&loop->watchdog, code);
    return code;
}

/* Seconds: one, or what is left of the drain time, and a moment in any case. */
static double output_patience(const struct zl_loop *loop)
{
    const double MOST = 1, LEAST = 0.05;
    double left = ((double)loop->drain_deadline - (double)zl_loop_now()) / 1e9;
    return loop->drain_deadline == 0 || left > MOST ? MOST : left < LEAST ? LEAST : left;
}

/* A signal limits the time for what was printed, too: a reader who has stopped reading would keep
 * the process for ever. Without one the reader has all the time it wants, as with any filter. */
int zl_loop_leave(struct zl_loop *loop, int code)
{
    if (!zl_signals_pending())
        zl_watchdog_stop(&loop->watchdog);
    code = zl_standard_finish(code);
    zl_output_finish(output_patience(loop));
    zl_watchdog_stop(&loop->watchdog);
    return code;
}

void zl_loop_exit(struct zl_loop *loop, int code)
{
    struct zl_nested *nested;
    zl_exit_leave_memory(); /* the state stays as it is */
    if (loop->phase == ZL_RUNNING)
        begin_stop(loop, ZL_ENDED, code);
    loop->phase = ZL_ENDED;
    loop->exit_code = code;
    zl_records_end(&loop->generation->records);
    code = zl_loop_drain(loop);
    TAILQ_FOREACH(nested, &loop->nesteds, link)
    zl_nested_give_up_children(nested, &loop->children);
    zl_children_finish(&loop->children);
    zl_signals_stop();
    bool has_ended = zl_context_stop();
    code = zl_loop_leave(loop, code);
    zl_exit_prepare(code, !has_ended || zl_nested_have_requests(&loop->nesteds));
    exit(code);
}
