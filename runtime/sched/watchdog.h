/* SPDX-License-Identifier: MIT */
/* A helper thread that does what the loop's thread cannot do while Lua code or a library keeps it:
 * it tells the author when a task keeps the thread for a second while others wait, or while the
 * process is asked to stop; it gives unused memory back (trim.h); and it ends the process when the
 * drain deadline has passed and the loop's thread does not come to the end, after that thread has
 * been made to give account of what was received (takeover.h). It never touches Lua. */
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
    atomic_uint beats;             /* counts resumed tasks */
    _Atomic(const char *) running; /* where the running task began; NULL while none runs */
    _Atomic(const char *)
        calling;          /* what runs outside any task, in words; NULL if that is not known */
    atomic_bool crowded;  /* others wait: more tasks, or sockets */
    atomic_bool stopping; /* the process was asked to stop */
    uint64_t drain_ns;    /* from that until the deadline */
    _Atomic(uint64_t) deadline; /* on the clock of uv_hrtime; 0 until it was asked to stop */
    atomic_int exit_code;       /* when the thread must end the process */
    struct zl_runaway *runaway;
    void (*account)(void *); /* counts and keeps what was received, on the loop's thread; or NULL */
    void *account_arg;
};

/* False when no thread can be had; the host does without. */
bool zl_watchdog_start(struct zl_watchdog *watchdog);
void zl_watchdog_stop(struct zl_watchdog *watchdog);

/* The process is asked to stop: from the first call on, the time that is left is counted. Returns
 * the deadline. From any thread and from signal handlers. */
uint64_t zl_watchdog_begin_end(struct zl_watchdog *watchdog);

/* All was sent or given up: what is left is to give back what the process holds, and `code` is its
 * exit code, whatever becomes of that. */
void zl_watchdog_drained(struct zl_watchdog *watchdog, int code);

/* Returns when no text that `running` has pointed to so far is in use any more. */
void zl_watchdog_pass(struct zl_watchdog *watchdog);
