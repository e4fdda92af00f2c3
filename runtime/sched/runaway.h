/* SPDX-License-Identifier: MIT */
/* Lua code that does not come back to the loop: after a given processor time (--max-handler-time),
 * and when the process is to end, it gets an error at the line where it is. A stretch is the time
 * from a resume to the next wait, or one callback. Owned by the loop; belongs to its thread, except
 * what is said to be for others. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct lua_State;

struct zl_runaway {
    pthread_t thread;
    double limit;                  /* seconds of processor time; 0 for none */
    _Atomic(struct lua_State *) L; /* the main state of the code that runs; NULL while none runs */
    atomic_uint stretch;           /* counts them */
    atomic_bool is_ending;         /* the drain deadline has passed */
    atomic_bool has_fired;         /* the hook is set */
    struct lua_State *checked;     /* the state whose compiled code can be interrupted */
    unsigned errors;               /* raised in this stretch */
    bool has_spared;               /* the tick after the first of them has passed */
    unsigned seen;                 /* the stretch of the last tick, */
    int64_t since;                 /* and when it was first seen, on the thread's own clock */
    timer_t timer;
    bool is_started, has_timer;
};

/* For the calling thread, which runs the loop. `limit` may be 0: then only zl_runaway_end
 * interrupts. Idempotent. False when the system gives no timer. */
bool zl_runaway_start(struct zl_runaway *runaway, double limit);
void zl_runaway_stop(struct zl_runaway *runaway);

/* Around everything that runs code of the script: `L` is a main state, what is returned is for
 * leave. A luv_loop one belongs to the stretch around it. */
struct lua_State *zl_runaway_enter(struct lua_State *L);
void zl_runaway_leave(struct lua_State *before);

/* The code that runs has come back, or was called, in the middle of a stretch. */
void zl_runaway_beat(void);

/* The state is about to be closed. */
void zl_runaway_forget(struct lua_State *L);

/* From any thread: interrupts whatever runs, until it has come back. */
void zl_runaway_end(struct zl_runaway *runaway);
