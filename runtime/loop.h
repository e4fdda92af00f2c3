/* SPDX-License-Identifier: MIT */
/* One thread: its libuv loop, its sockets and generations, its turns, and the order in which it
 * stops. Owned by main; everything in it belongs to the thread that runs it. */
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
    struct zl_hub hub; /* with the scheduler in it */
    struct zl_host host;
    struct zl_serving reload;
    struct zl_outside outside;
    int rounds;        /* of ready tasks since libuv was asked */
    int late_turns;    /* of tasks that had no time to end before the drain deadline */
    bool engaged;      /* zeroless is in use: signals and watchdog are on */
    bool is_accounted; /* what was received and not handled was counted */
    int exit_code;
};

/* The loop that the host of a generation belongs to. */
static inline struct zl_loop *zl_loop_of(const struct zl_host *host)
{
    return (struct zl_loop *)((char *)host - offsetof(struct zl_loop, host));
}

/* True, or false with a message printed when libuv gives no loop. */
bool zl_loop_init(struct zl_loop *loop, double drain_timeout);

/* Closes everything, the generation too; the watchdog stays on guard until zl_shutdown_leave.
 * Returns whether a request of luv's is left in the works, for zl_exit_prepare. */
bool zl_loop_close(struct zl_loop *loop);

/* The same, and stops the watchdog. */
void zl_loop_fini(struct zl_loop *loop);

/* Takes over SIGINT, SIGTERM and SIGHUP and starts the watchdog; done when a script first asks for
 * zeroless, so that others behave as under luajit. */
void zl_loop_engage(struct zl_loop *loop);

/* Runs tasks until there are none, or the loop was stopped and its tasks are at rest. */
void zl_loop_run(struct zl_loop *loop);

/* Begins to stop; the process ends with `code`. `cause` is for the log: "SIGTERM", or NULL when the
 * script has just ended, and then nobody receives any more. Idempotent, the first one stays. */
void zl_loop_stop(struct zl_loop *loop, int code, const char *cause);

/* Ends the loop at once: no task is resumed any more. */
void zl_loop_fail(struct zl_loop *loop, int code);

/* What os.exit does: the drain without any Lua, then the end of the process. */
