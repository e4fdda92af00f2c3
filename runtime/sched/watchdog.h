/* SPDX-License-Identifier: MIT */
/* A helper thread for what the loop's thread cannot do while Lua code or a library occupies it. It
 * warns when a task runs for a second without waiting while others wait or the process is to stop;
 * it returns unused memory to the system (trim.h); and it ends the process if the loop's thread has
 * not finished shortly after the drain deadline, after making that thread account for the received
 * messages (takeover.h). It never touches Lua. */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/sched/runaway.h"

struct zl_watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    sem_t wake;
    bool started;
    atomic_bool leave;
    atomic_uint beats;             /* counts resumes */
    _Atomic(const char *) running; /* where the running task is defined; NULL = none runs */
    _Atomic(const char *) calling; /* describes what runs outside any task; NULL = unknown */
    atomic_bool crowded;           /* something else waits: other tasks, or sockets */
    atomic_bool stopping;          /* a stop was requested */
    uint64_t drain_ns;             /* the drain time: from the stop request to the deadline */
    _Atomic(uint64_t) deadline;    /* on uv_hrtime's clock; 0 until a stop is requested */
    atomic_int exit_code;          /* for when the watchdog ends the process */
    struct zl_runaway *runaway;
    void (*account)(void *); /* counts and keeps what was received, on the loop's thread; or NULL */
    void *account_arg;
};

/* False if no thread can be created; the host then runs without one. */
bool zl_watchdog_start(struct zl_watchdog *watchdog);
void zl_watchdog_stop(struct zl_watchdog *watchdog);

/* Starts the drain time on the first call; later calls change nothing. Returns the deadline.
 * Callable from any thread and from signal handlers. */
uint64_t zl_watchdog_begin_end(struct zl_watchdog *watchdog);

/* The drain is over. Only releasing resources is left, and `code` is the exit code even if the
 * watchdog must end the process during that. */
void zl_watchdog_drained(struct zl_watchdog *watchdog, int code);

/* Waits until the watchdog no longer uses any text that `running` has pointed to so far. */
void zl_watchdog_pass(struct zl_watchdog *watchdog);
