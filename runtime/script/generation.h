/* SPDX-License-Identifier: MIT */
/* A generation: one fresh lua_State with one script loaded in it, its tasks, and the files it was
 * made from. It uses the loop's sockets, which stay with the host when the generation ends. Belongs
 * to the loop's thread. */
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

/* The progress of compiling ahead, see ahead.h. Zeroed: nothing to compile. */
struct zl_ahead {
    struct zl_source *next; /* to be compiled next; NULL = none */
    bool is_long;           /* it takes more than one call */
};

/* How to create the state of a generation. */
struct zl_setup {
    lua_CFunction open; /* opens the bindings; its argument is the generation, as light userdata */
    size_t max_memory;  /* bytes; 0 = no limit */
    size_t failing;     /* see struct zl_memory; 0 outside of tests */
};

struct zl_generation {
    struct zl_group group; /* its tasks; must come first, see zl_generation_of */
    struct zl_host *host;
    struct zl_memory memory;
    int number; /* 1, 2, 3...; the number of a failed attempt is reused */
    struct zl_task *main;
    struct zl_luv_loop *luv_loop; /* luv's loop; NULL while luv is not in use */
    struct zl_sources sources;
    struct zl_ahead ahead;
    int on_stop;   /* reference to the list of zeroless.on_stop functions, or LUA_NOREF */
    int stops;     /* how many of them are still to be called */
    int on_reload; /* reference to what runs the zeroless.on_reload callbacks, or LUA_NOREF */
    void (*disarm)(lua_State *L);    /* makes luv refuse every further call; NULL without luv */
    struct zl_records records;       /* for log.handler */
    enum zl_level level;             /* its log level, while another generation runs */
    bool is_attempt;                 /* it starts during a reload: it must not end the process */
    bool is_ended;                   /* it is closed: only its finalizers still run */
    bool is_released;                /* to be freed once `remains` is closed */
    lua_State *remains;              /* the state of a closed generation, until it can be closed */
    TAILQ_ENTRY(zl_generation) link; /* in zl_host.remains, see reaper.h */
    bool has_failed_callback;        /* a zeroless.on_stop function has failed */
    int exit_code;                   /* for its error */
    char error[512];                 /* the first line of the error */
    char unavailable[1024];          /* the last "endpoint unavailable" error raised, see exit.h */
};

static inline struct zl_generation *zl_generation_of(const struct zl_group *group)
{
    return (struct zl_generation *)group;
}

/* Whether a task or luv's loop keeps the process alive. */
bool zl_generation_lives(const struct zl_generation *generation);

/* Creates a generation with the bindings in its state, but no script. It does not run yet. NULL on
 * failure, with the reason in `why` (ZL_WHY_MAX bytes). */
struct zl_generation *zl_generation_new(struct zl_host *host, const struct zl_setup *setup,
                                        int number, char *why);

/* Whether its code may run: it has neither failed nor been closed. */
bool zl_generation_may_run(const struct zl_generation *generation);

/* Makes this the running generation. */
void zl_generation_enter(struct zl_generation *generation);

/* Stops resuming its tasks and its luv loop until zl_generation_resume. After that, the caller must
 * wake the tasks that wait for sockets, so that each tries again. */
void zl_generation_park(struct zl_generation *generation);
void zl_generation_resume(struct zl_generation *generation);

/* Marks the generation as failed: prints the error value at the top of `co`, or `message` if that
 * is not NULL, with the traceback of `co` (NULL: the message includes one). supervisor.h describes
 * what follows. Never raises. */
void zl_generation_failed(struct zl_generation *generation, lua_State *co, const char *message);

/* The same for an error that does not end the generation: one in a zeroless.on_stop function. */
void zl_generation_print_error(struct zl_generation *generation, lua_State *co,
                               const char *message);

/* Spawns a task that runs the next zeroless.on_stop function, if one is left. False without memory,
 * with the reason printed. */
bool zl_generation_run_next_stop(struct zl_generation *generation);

/* Runs the zeroless.on_reload callbacks; errors are logged. */
void zl_generation_run_reload_callbacks(struct zl_generation *generation);

/* Ends the generation: drops its tasks, and closes luv's handles and the state. While luv has
 * requests under way, the state is left to the reaper. Does not wait; runs no code of the
 * generation except finalizers, whose calls are refused. Idempotent. */
void zl_generation_close(struct zl_generation *generation);

/* Closes the state of a closed generation. False if luv's requests do not allow it yet. */
bool zl_generation_finish(struct zl_generation *generation);

/* Closes the generation and frees it, as soon as its state is closed. NULL is allowed. */
void zl_generation_free(struct zl_generation *generation);
