/* SPDX-License-Identifier: MIT */
/* A helper thread that tells the author when a task keeps the thread for a second while others
 * wait, or while the process is asked to stop: compiled Lua code cannot be interrupted, so somebody
 * else must say it. It never touches Lua. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct zl_watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool started, leave;
    atomic_uint beats;             /* counts resumed tasks */
    _Atomic(const char *) running; /* where the running task began; NULL while none runs */
    atomic_bool crowded;           /* others wait: more tasks, or sockets */
    atomic_bool stopping;          /* the process was asked to stop */
};

/* False when no thread can be had; the host does without. */
bool zl_watchdog_start(struct zl_watchdog *watchdog);
void zl_watchdog_stop(struct zl_watchdog *watchdog);

/* Returns when no text that `running` has pointed to so far is in use any more. */
void zl_watchdog_pass(struct zl_watchdog *watchdog);
