/* SPDX-License-Identifier: MIT */
/* A generation: one fresh lua_State with one script loaded in it, its tasks, and the files it was
 * made from. It uses the loop's sockets; when it goes, the sockets stay with the host. Belongs to
 * the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "runtime/ahead.h"
#include "runtime/log.h"
#include "runtime/nested.h"
#include "runtime/records.h"
#include "runtime/source.h"
#include "runtime/task.h"
#include "runtime/vm.h"

struct zl_loop;
struct zl_script;

enum zl_life {
    ZL_LOADING, /* its main task has not waited yet; it may still be rolled back */
    ZL_SERVING,
    ZL_PARKING, /* receivers hand out nothing, tasks finish what they have in hand */
    ZL_PARKED   /* no task of it is resumed */
};

struct zl_generation {
    lua_State *L; /* NULL once it is closed */
    struct zl_loop *loop;
    struct zl_memory memory;
    enum zl_life life;
    int number;      /* 1, 2, 3...; that of a failed attempt is given again */
    unsigned serial; /* never given again */
    struct zl_task_list ready, tasks;
    struct zl_task_list resting; /* ready, but at rest while nothing but unfinished work goes on */
    unsigned live;               /* tasks that have not ended */
    struct zl_task *main;
    struct zl_nested *nested; /* luv's loop, NULL while luv is not in use */
    struct zl_sources sources;
    struct zl_ahead ahead;
    int on_stop;   /* a reference to the function that runs zeroless.on_stop's, or LUA_NOREF */
    int on_reload; /* the same for zeroless.on_reload */
    void (*disarm)(lua_State *L); /* luv refuses every call from then on; NULL without luv */
    struct zl_records records;    /* for log.handler */
    enum zl_level level;          /* of the log, while it is not the loop's generation */
    bool is_attempt;    /* it starts while another one can go on: it cannot end the process */
    bool failed;        /* an uncaught error: no task of it is resumed any more */
    bool is_ended;      /* it is closed: of its code, only finalizers still run */
    bool is_released;   /* to be freed once `remains` is closed */
    lua_State *remains; /* the state of one that is closed, until it can be */
    TAILQ_ENTRY(zl_generation) link; /* with `remains`, see reaper.h */
    int exit_code;                   /* for that error */
    char error[512];                 /* its first line */
    char unavailable[1024]; /* the last endpoint error that was raised: it has an exit code of its
                               own */
};

/* An empty generation with the bindings in its state, not yet the loop's. NULL after the reason
 * was written to `why` (ZL_WHY_MAX bytes). */
struct zl_generation *zl_generation_new(struct zl_loop *loop, const struct zl_script *script,
                                        int number, char *why);

/* Whether code of it may run: it has neither failed nor been closed. */
bool zl_generation_may_run(const struct zl_generation *generation);

/* Makes it the loop's. */
void zl_generation_enter(struct zl_generation *generation);

/* The first task of it that has something to finish; NULL when all are at rest. */
struct zl_task *zl_generation_unfinished(const struct zl_generation *generation);

/* Takes every task out of its waits, and puts it back when it goes on: each then tries again what
 * it waited for. */
void zl_generation_park(struct zl_generation *generation);
void zl_generation_resume(struct zl_generation *generation);

/* Parking waits for a reply: those at rest go on, as one of them may be its reader. */
void zl_generation_wake_resting(struct zl_generation *generation);

/* Those of them that have something to finish go on. */
void zl_generation_wake_finishing(struct zl_generation *generation);

/* A task of it has failed with the error value at the top of `co`, or with `message` when that is
 * not NULL: prints it with the traceback of `co` (NULL: the message has one). The generation has
 * then failed; reload.h says what becomes of that. Never raises. */
void zl_generation_failed(struct zl_generation *generation, lua_State *co, const char *message);

/* Makes a task that runs the functions given to zeroless.on_stop, if there are any. */
void zl_generation_run_callbacks(struct zl_generation *generation);

/* Calls the functions given to zeroless.on_reload; an error in one is logged. */
void zl_generation_run_reload_callbacks(struct zl_generation *generation);

/* Cuts it off: lets go of its tasks, closes luv's handles and its state. Where luv has a request
 * under way, the state is left to the reaper. Waits for nothing; runs no code of the generation but
 * its finalizers, which are refused every call. Idempotent. */
void zl_generation_close(struct zl_generation *generation);

/* Closes the state that zl_generation_close has left, if that is possible now. */
bool zl_generation_finish(struct zl_generation *generation);

/* Closes and frees, as soon as its state allows. NULL is fine. */
void zl_generation_free(struct zl_generation *generation);
