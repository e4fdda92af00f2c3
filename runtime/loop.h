/* SPDX-License-Identifier: MIT */
/* The loop of one thread: its libuv loop, sockets and generations, its turns, and the phases of its
 * stop. Owned by main; everything in it belongs to the thread that runs it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "runtime/reload/serving.h"
#include "runtime/script/host.h"
#include "runtime/socket/hub.h"
#include "runtime/socket/work.h"

struct zl_loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_idle_t idle;
    uv_async_t interrupt;
    uv_timer_t drain_timer;
    struct zl_hub hub; /* includes the scheduler */
    struct zl_host host;
    struct zl_serving reload;
    struct zl_outside outside;
    int rounds;        /* rounds of ready tasks since libuv's last turn */
    int late_turns;    /* turns of tasks that had no time to end before the drain deadline */
    bool engaged;      /* zeroless is in use: signal handlers and watchdog are active */
    bool is_accounted; /* received messages that were not handled have been counted */
    int exit_code;
};

/* The loop that contains `host`. */
static inline struct zl_loop *zl_loop_of(const struct zl_host *host)
{
    return (struct zl_loop *)((char *)host - offsetof(struct zl_loop, host));
}

/* Initializes the loop. False, with a message printed, on failure. `drain_timeout` is in
 * seconds. */
bool zl_loop_init(struct zl_loop *loop, double drain_timeout);

/* Closes everything, including the generations; the watchdog stays active until zl_shutdown_leave.
 * Returns whether a request of luv's is still running, for zl_exit_prepare. */
bool zl_loop_close(struct zl_loop *loop);

/* The same, and also stops the watchdog. */
void zl_loop_fini(struct zl_loop *loop);

/* Handles SIGINT, SIGTERM and SIGHUP from now on and starts the watchdog. Called when a script
 * first requires zeroless, so that other scripts behave as under luajit. Idempotent. */
void zl_loop_engage(struct zl_loop *loop);

/* Runs tasks until none are left, or the loop was stopped and its tasks are at rest. */
void zl_loop_run(struct zl_loop *loop);

/* Begins the stop; the process exits with `code`. `cause` is for the log, such as "SIGTERM"; NULL
 * if the script has simply ended, in which case nothing more is received. Only the first call
 * counts. */
void zl_loop_stop(struct zl_loop *loop, int code, const char *cause);

/* Ends the loop at once: no further task is resumed. */
void zl_loop_fail(struct zl_loop *loop, int code);
