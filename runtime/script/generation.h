/* SPDX-License-Identifier: MIT */
/* A generation: one fresh lua_State with one script loaded in it, its tasks, and the files it was
 * made from. It uses the loop's sockets; when it goes, the sockets stay with the host. Belongs to
 * the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "runtime/base/log.h"
#include "runtime/sched/task.h"
#include "runtime/script/luv_loop.h"
#include "runtime/script/records.h"
#include "runtime/script/source.h"
#include "runtime/script/vm.h"

struct zl_host;

/* What is compiled ahead, see ahead.h. Zeroed: nothing is to be. */
struct zl_ahead {
    struct zl_source *next; /* to be looked at; NULL for none */
    bool is_long;           /* it was interrupted */
};

/* How the state of a generation is made. */
struct zl_setup {
    lua_CFunction open; /* makes the bindings; gets the generation as light userdata */
    size_t max_memory;  /* bytes; 0 = no limit */
    size_t failing;     /* see struct zl_memory; 0 outside of tests */
};

struct zl_generation {
    struct zl_group group; /* its tasks; first, see zl_generation_of */
    struct zl_host *host;
    struct zl_memory memory;
    int number; /* 1, 2, 3...; that of a failed attempt is given again */
    struct zl_task *main;
    struct zl_luv_loop *luv_loop; /* luv's loop, NULL while luv is not in use */
    struct zl_sources sources;
    struct zl_ahead ahead;
    int on_stop;   /* a reference to the list of zeroless.on_stop's functions, or LUA_NOREF */
    int stops;     /* of which this many are left to be called */
    int on_reload; /* one to the function that runs zeroless.on_reload's, or LUA_NOREF */
    void (*disarm)(lua_State *L); /* luv refuses every call from then on; NULL without luv */
    struct zl_records records;    /* for log.handler */
    enum zl_level level;          /* of the log, while it is not the one that runs */
    bool is_attempt;    /* it starts while another one can go on: it cannot end the process */
    bool is_ended;      /* it is closed: of its code, only finalizers still run */
    bool is_released;   /* to be freed once `remains` is closed */
    lua_State *remains; /* the state of one that is closed, until it can be */
    TAILQ_ENTRY(zl_generation) link; /* with `remains`, see reaper.h */
    bool has_failed_callback;        /* a function given to zeroless.on_stop */
    int exit_code;                   /* for that error */
    char error[512];                 /* its first line */
    char unavailable[1024]; /* the last endpoint error that was raised: it has an exit code of its
                               own */
};

static inline struct zl_generation *zl_generation_of(const struct zl_group *group)
{
    return (struct zl_generation *)group;
}

/* Whether luv's loop or a task keeps the process alive. */
bool zl_generation_lives(const struct zl_generation *generation);

/* An empty generation with the bindings in its state, which does not run yet. NULL after the reason
 * was written to `why` (ZL_WHY_MAX bytes). */
struct zl_generation *zl_generation_new(struct zl_host *host, const struct zl_setup *setup,
                                        int number, char *why);

/* Whether code of it may run: it has neither failed nor been closed. */
bool zl_generation_may_run(const struct zl_generation *generation);

/* Makes it the one whose tasks are run. */
void zl_generation_enter(struct zl_generation *generation);

/* None of its tasks is resumed, and luv's loop stands still, until it is resumed: the caller then
 * has to wake those that wait for sockets, for each to try again. */
void zl_generation_park(struct zl_generation *generation);
void zl_generation_resume(struct zl_generation *generation);

/* A task of it has failed with the error value at the top of `co`, or with `message` when that is
 * not NULL: prints it with the traceback of `co` (NULL: the message has one). The generation has
 * then failed; supervisor.h says what becomes of that. Never raises. */
void zl_generation_failed(struct zl_generation *generation, lua_State *co, const char *message);

/* The same for an error that does not keep the generation from running on: one of
 * zeroless.on_stop's functions. */
void zl_generation_print_error(struct zl_generation *generation, lua_State *co,
                               const char *message);

/* Makes a task of the next function given to zeroless.on_stop, if there is one left. False, with
 * the reason printed, without memory. */
bool zl_generation_run_next_stop(struct zl_generation *generation);

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
