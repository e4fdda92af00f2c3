/* SPDX-License-Identifier: MIT */
/* See watchdog.h. Once a second it compares the count of resumed tasks with the one before: no
 * change while a task runs means that this task has kept the thread all that time. Each such
 * stretch is reported once. */
#include "runtime/watchdog.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "runtime/log.h"
#include "runtime/signals.h"

/* A busy thread has not looked at the signal yet. */
static bool is_stopping(struct zl_watchdog *watchdog)
{
    return atomic_load(&watchdog->stopping) || zl_signals_pending();
}

static void report(struct zl_watchdog *watchdog, const char *where, bool stopping)
{
    if (stopping)
        zl_log(ZL_WARN, where,
               "asked to stop, but the task that begins here does not wait; send the signal again "
               "to leave at once");
    else if (atomic_load(&watchdog->crowded))
        zl_log(ZL_WARN, where,
               "the task that begins here has run for a second without waiting; other tasks, "
               "timers and messages wait for it (zeroless.sleep(0) lets them run)");
}

static void *watch(void *world)
{
    struct zl_watchdog *watchdog = world;
    unsigned last_beat = 0, reported = 0;
    bool reported_stopping = false;
    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->leave) {
        struct timespec next;
        clock_gettime(CLOCK_MONOTONIC, &next);
        next.tv_sec++;
        pthread_cond_timedwait(&watchdog->changed, &watchdog->lock, &next);
        unsigned beat = atomic_load(&watchdog->beats);
        const char *where = atomic_load(&watchdog->running);
        bool stopping = is_stopping(watchdog);
        bool told = beat == reported && (reported_stopping || !stopping);
        if (where && beat == last_beat && !told && !watchdog->leave) {
            report(watchdog, where, stopping);
            reported = beat;
            reported_stopping = stopping;
        }
        last_beat = beat;
    }
    pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

bool zl_watchdog_start(struct zl_watchdog *watchdog)
{
    if (watchdog->started)
        return true;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&watchdog->lock, NULL);
    pthread_cond_init(&watchdog->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    /* Signals are the loop's: the helper thread takes none. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    watchdog->started = pthread_create(&watchdog->thread, NULL, watch, watchdog) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return watchdog->started;
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
    pthread_mutex_lock(&watchdog->lock);
    watchdog->leave = true;
    pthread_cond_signal(&watchdog->changed);
    pthread_mutex_unlock(&watchdog->lock);
    pthread_join(watchdog->thread, NULL);
    pthread_cond_destroy(&watchdog->changed);
    pthread_mutex_destroy(&watchdog->lock);
    watchdog->started = false;
}
