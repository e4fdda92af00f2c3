/* SPDX-License-Identifier: MIT */
/* Interrupts Lua code that does not return to the loop: after a limit of processor time
 * (--max-handler-time), and when the process must end, an error is raised at the current line. A
 * stretch is the time from a resume to the next wait, or one callback. Owned by the loop; belongs
 * to its thread, unless noted. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct lua_State;

struct zl_runaway {
    pthread_t thread;
    double limit;                  /* seconds of processor time; 0 = no limit */
    _Atomic(struct lua_State *) L; /* the main state of the running code; NULL = none runs */
    atomic_uint stretch;           /* counts stretches */
    atomic_bool is_ending;         /* the drain deadline has passed */
    atomic_bool has_fired;         /* the hook is set */
    struct lua_State *checked;     /* the state whose compiled code checks hooks */
    unsigned errors;               /* raised in this stretch */
    bool has_spared;               /* the tick after the first error has passed */
    unsigned seen;                 /* the stretch at the last tick, */
    int64_t since;                 /* and when a tick first saw it, in ns of thread CPU time */
    timer_t timer;
    bool is_started, has_timer;
};

/* Starts the interrupts for the calling thread, which runs the loop. With a `limit` of 0, only
 * zl_runaway_end interrupts. Idempotent. False if the system provides no timer. */
bool zl_runaway_start(struct zl_runaway *runaway, double limit);
void zl_runaway_stop(struct zl_runaway *runaway);

/* Enclose everything that runs code of the script. `L` is a main state; the result of enter is
 * passed to leave. A nested pair belongs to the enclosing stretch. */
struct lua_State *zl_runaway_enter(struct lua_State *L);
void zl_runaway_leave(struct lua_State *before);

/* Begins a new stretch: the running code has returned to the host, or was called by it. */
void zl_runaway_beat(void);

/* Releases the profiler of a state that is about to be closed. */
void zl_runaway_forget(struct lua_State *L);

/* Interrupts the running code until it returns. Any thread. */
void zl_runaway_end(struct zl_runaway *runaway);
