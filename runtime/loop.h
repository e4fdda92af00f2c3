/* SPDX-License-Identifier: MIT */
/* The world of one thread: its libuv loop, sockets and generations, and the order in which it
 * stops. Owned by main; everything in it belongs to the thread that runs it, except
 * zl_loop_interrupt. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "runtime/script/children.h"
#include "runtime/socket/ffi.h"
#include "runtime/zmq/recvbuf.h"
#include "runtime/script/generation.h"
#include "runtime/reload/supervisor.h"
#include "runtime/sched/runaway.h"
#include "runtime/socket/socket.h"
#include "runtime/socket/drain.h"
#include "runtime/sched/task.h"
#include "runtime/sched/watchdog.h"

enum zl_phase {
    ZL_RUNNING,
    ZL_DRAINING,  /* receivers hand out what was received */
    ZL_ENDING,    /* tasks finish what they have in hand */
    ZL_CALLBACKS, /* zeroless.on_stop */
    ZL_ENDED
};

struct zl_loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_idle_t idle;
    uv_async_t interrupt;
    uv_timer_t drain_timer;

    struct zl_task *current; /* the running task; `outside` when none runs */
    struct zl_task outside;  /* stands for code that runs in no task, as luv callbacks do */
    bool had_turn;           /* the last gate was passed by the task whose turn it was */
    int slice;               /* operations until the clock is asked */
    int steps;               /* so many of them: fewer where they take long */
    int64_t slice_end;
    int rounds; /* of ready tasks since libuv was asked */

    struct zl_socket_list sockets, touched;
    unsigned socket_count;
    uint64_t unbound; /* when a bound socket was closed last, on the clock of zl_clock_now */

    struct zl_generation *generation;    /* the one whose tasks are run */
    TAILQ_HEAD(, zl_generation) remains; /* of closed ones, see reaper.h */
    struct zl_nested_list nesteds;       /* of all generations */
    struct zl_children children;         /* of closed generations */
    bool refuses; /* the code that runs is that of a failed or closed generation */
    struct zl_reload reload;
    struct zl_stopping stopping;
    struct zl_watchdog watchdog;
    struct zl_runaway runaway;
    struct zl_hot hot;
    struct zl_inbox inbox;

    enum zl_phase phase;
    bool keeps;   /* messages in hand are kept, see delivery.h */
    bool engaged; /* zeroless is in use: signals and watchdog are on */
    int exit_code;
    double drain_timeout;    /* seconds */
    uint64_t drain_deadline; /* on the clock of zl_clock_now, set when it stops */
};

/* True, or false with a message printed when libuv gives no loop. */
bool zl_loop_init(struct zl_loop *loop, double drain_timeout);

/* Closes everything, the generation too; the watchdog stays on guard until zl_loop_leave. Returns
 * whether a request of luv's is left in the works, for zl_exit_prepare. */
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

/* Makes the loop look at signals; from any thread and from signal handlers. */
void zl_loop_interrupt(struct zl_loop *loop);

/* Closes every socket and waits until what was sent is flushed, at most until the drain deadline.
 * Returns the exit code of the process. Never raises and calls no Lua. */
int zl_loop_drain(struct zl_loop *loop);

/* The last act of the process: what was printed is written. Returns the exit code. */
int zl_loop_leave(struct zl_loop *loop, int code);

/* What os.exit does: the drain without any Lua, then the end of the process. */
_Noreturn void zl_loop_exit(struct zl_loop *loop, int code);

/* Whether a task is to run when it is ready: once the loop stops, or while its generation is being
 * parked, one at rest stays where it is; but while received messages are handed out, those that
 * receive and those that have not begun yet do run. */
bool zl_loop_may_run(const struct zl_task *task);

/* The task that runs next has this much time before others have a turn. */
void zl_loop_begin_slice(struct zl_loop *loop, int64_t nanoseconds);

/* While it refuses, every send and receive returns ZL_REFUSED. Returns whether it did before. */
bool zl_loop_refuse(struct zl_loop *loop, bool refuses);

/* What the hot path asks every few messages: 0, ZL_PAUSE when the running task had its share of
 * time, or ZL_REFUSED. */
int32_t zl_loop_check_slice(struct zl_loop *loop);
