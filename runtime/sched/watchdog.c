/* SPDX-License-Identifier: MIT */
/* See watchdog.h. Once a second, the count of resumes is compared with the previous one: no change
 * while a task runs means that this task has occupied the thread all that time. Each such stretch
 * is reported once.
 *
 * After the drain deadline, the running code has INTERRUPT_NS to return before an error is raised
 * in it (runaway.h), which compiled code does not notice without --max-handler-time. At END_NS the
 * process ends. */
#include "runtime/sched/watchdog.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/exit.h"
#include "runtime/base/log.h"
#include "runtime/base/output.h"
#include "runtime/base/signals.h"
#include "runtime/base/trim.h"
#include "runtime/sched/takeover.h"

static const double LAST_WORDS = 0.05; /* seconds for the last log line */

enum { SECOND_NS = 1000000000, INTERRUPT_NS = 150000000, END_NS = 400000000 };

/* The state of the watchdog's thread. */
struct seen {
    uint64_t tick; /* when the running task is checked next */
    unsigned last_beat, reported;
    bool reported_stopping;
    unsigned stretch; /* the current one when the deadline passed */
    bool has_passed, has_interrupted;
    int64_t interrupted_at; /* processor time of the loop's thread then */
    struct zl_trim trim;
};

/* A busy loop has not processed the signal yet. */
static bool is_stopping(struct zl_watchdog *watchdog)
{
    return atomic_load(&watchdog->stopping) || zl_signals_pending();
}

static void report(struct zl_watchdog *watchdog, const char *where, bool stopping)
{
    if (stopping)
        zl_log(ZL_WARN, where,
               "stop requested, but the task defined here is running without waiting; send the "
               "signal again to exit at once");
    else if (atomic_load(&watchdog->crowded))
        zl_log(ZL_WARN, where,
               "the task defined here has run for a second without waiting; other tasks, timers "
               "and messages are blocked (zeroless.sleep(0) lets them run)");
}

static void check_task(struct zl_watchdog *watchdog, struct seen *seen)
{
    unsigned beat = atomic_load(&watchdog->beats);
    const char *where = atomic_load(&watchdog->running);
    bool stopping = is_stopping(watchdog);
    bool is_reported = beat == seen->reported && (seen->reported_stopping || !stopping);
    if (where && beat == seen->last_beat && !is_reported && !atomic_load(&watchdog->leave)) {
        report(watchdog, where, stopping);
        seen->reported = beat;
        seen->reported_stopping = stopping;
    }
    seen->last_beat = beat;
}

/* The cause of the stop is said by the loop's thread, or here when that cannot. */
static void account(struct zl_watchdog *watchdog, const struct seen *seen)
{
    enum { BLOCKED_NS = 1000000 };
    char cause[64];
    pthread_t thread = watchdog->runaway->thread;
    int64_t spent = zl_takeover_time(thread) - seen->interrupted_at;
    bool is_blocked = seen->interrupted_at >= 0 && spent >= 0 && spent < BLOCKED_NS;
    if (watchdog->account &&
        zl_takeover_run(thread, is_blocked, watchdog->account, watchdog->account_arg))
        return;
    if (zl_signals_pending() && !atomic_load(&watchdog->stopping))
        zl_log(ZL_INFO, "", "stopping: %s", zl_signals_describe(cause, sizeof cause));
    zl_log(ZL_ERROR, "",
           "what was received and nobody has handled, if anything, could not be counted");
}

_Noreturn static void end_process(struct zl_watchdog *watchdog, const struct seen *seen)
{
    const char *where = atomic_load(&watchdog->running);
    const char *calling = atomic_load(&watchdog->calling);
    int code = atomic_load(&watchdog->exit_code);
    if (code == ZL_EXIT_UNDRAINED)
        account(watchdog, seen);
    if (where)
        zl_log(ZL_ERROR, where,
               "the drain deadline has passed while the task defined here is running without "
               "waiting: the process exits; the message it is handling (unless it was set aside) "
               "and unsent messages are lost");
    else if (code == ZL_EXIT_UNDRAINED)
        zl_log(ZL_ERROR, "",
               "the drain deadline has passed, and %s has not returned: the process exits; "
               "unhandled and unsent messages are lost",
               calling ? calling : "a callback or a library");
    else
        zl_log(ZL_WARN, "",
               "everything is done, but a finalizer or a library has not returned: the process "
               "exits without waiting for it");
    zl_output_finish(LAST_WORDS);
    _exit(code);
}

static void check_deadline(struct zl_watchdog *watchdog, struct seen *seen, uint64_t deadline)
{
    uint64_t now = uv_hrtime();
    if (now >= deadline + END_NS && !atomic_load(&watchdog->leave))
        end_process(watchdog, seen);
    if (!seen->has_passed) {
        seen->has_passed = now >= deadline;
        seen->stretch = atomic_load(&watchdog->runaway->stretch);
    } else if (!seen->has_interrupted && now >= deadline + INTERRUPT_NS) {
        seen->has_interrupted = true;
        seen->interrupted_at = zl_takeover_time(watchdog->runaway->thread);
        if (atomic_load(&watchdog->runaway->stretch) == seen->stretch)
            zl_runaway_end(watchdog->runaway);
    }
}

static void wait_until(struct zl_watchdog *watchdog, uint64_t when)
{
    struct timespec until = {(time_t)(when / SECOND_NS), (long)(when % SECOND_NS)};
    sem_clockwait(&watchdog->wake, CLOCK_MONOTONIC, &until);
}

/* The time of the next check; uv_hrtime's clock is CLOCK_MONOTONIC. */
static uint64_t next_check(const struct seen *seen, uint64_t deadline)
{
    uint64_t next = !seen->has_passed        ? deadline
                    : !seen->has_interrupted ? deadline + INTERRUPT_NS
                                             : deadline + END_NS;
    return deadline && next < seen->tick ? next : seen->tick;
}

static void *watch(void *arg)
{
    struct zl_watchdog *watchdog = arg;
    struct seen seen = {.tick = uv_hrtime() + SECOND_NS};
    zl_trim_look(&seen.trim);
    while (!atomic_load(&watchdog->leave)) {
        wait_until(watchdog, next_check(&seen, atomic_load(&watchdog->deadline)));
        uint64_t deadline = atomic_load(&watchdog->deadline);
        bool is_tick = uv_hrtime() >= seen.tick;
        if (is_tick)
            seen.tick = uv_hrtime() + SECOND_NS;
        pthread_mutex_lock(&watchdog->lock);
        if (is_tick)
            check_task(watchdog, &seen);
        if (deadline)
            check_deadline(watchdog, &seen, deadline);
        pthread_mutex_unlock(&watchdog->lock);
        if (is_tick && !deadline)
            zl_trim_look(&seen.trim);
    }
    return NULL;
}

bool zl_watchdog_start(struct zl_watchdog *watchdog)
{
    if (watchdog->started)
        return true;
    pthread_mutex_init(&watchdog->lock, NULL);
    sem_init(&watchdog->wake, 0, 0);
    atomic_store(&watchdog->exit_code, ZL_EXIT_UNDRAINED);
    /* Signals are handled on the loop's thread: block them all here. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    watchdog->started = pthread_create(&watchdog->thread, NULL, watch, watchdog) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return watchdog->started;
}

uint64_t zl_watchdog_begin_end(struct zl_watchdog *watchdog)
{
    uint64_t none = 0, deadline = uv_hrtime() + watchdog->drain_ns;
    if (!atomic_compare_exchange_strong(&watchdog->deadline, &none, deadline))
        return none;
    if (watchdog->started)
        sem_post(&watchdog->wake);
    return deadline;
}

void zl_watchdog_drained(struct zl_watchdog *watchdog, int code)
{
    atomic_store(&watchdog->exit_code, code);
}

void zl_watchdog_pass(struct zl_watchdog *watchdog)
{
    if (!watchdog->started)
        return;
    pthread_mutex_lock(&watchdog->lock);
    pthread_mutex_unlock(&watchdog->lock);
}

void zl_watchdog_stop(struct zl_watchdog *watchdog)
{
    if (!watchdog->started)
        return;
    atomic_store(&watchdog->leave, true);
    sem_post(&watchdog->wake);
    pthread_join(watchdog->thread, NULL);
    sem_destroy(&watchdog->wake);
    pthread_mutex_destroy(&watchdog->lock);
    watchdog->started = false;
}
