/* SPDX-License-Identifier: MIT */
/* See generation.h. Everything that touches the Lua state runs protected, including the printing of
 * errors. */
#include "runtime/script/generation.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/exit.h"
#include "runtime/base/output.h"
#include "runtime/base/reason.h"
#include "runtime/base/timers.h"
#include "runtime/script/host.h"
#include "runtime/script/luv_servers.h"

/* --- build ---------------------------------------------------------------------------------- */

struct opening {
    struct zl_generation *generation;
    lua_CFunction open;
};

static int open_bindings(lua_State *L)
{
    const struct opening *opening = lua_touserdata(L, 1);
    lua_pushcfunction(L, opening->open);
    lua_pushlightuserdata(L, opening->generation);
    lua_call(L, 1, 0);
    return 0;
}

struct zl_generation *zl_generation_new(struct zl_host *host, const struct zl_setup *setup,
                                        int number, char *why)
{
    struct zl_generation *generation = calloc(1, sizeof *generation);
    snprintf(why, ZL_WHY_MAX, "not enough memory for a Lua state; is --max-memory too small?");
    if (!generation)
        return NULL;
    generation->host = host;
    zl_group_init(&generation->group, host->sched);
    generation->number = number;
    generation->on_stop = generation->on_reload = LUA_NOREF;
    generation->level = zl_log_level();
    zl_records_init(&generation->records, &generation->group);
    generation->memory.cap = setup->max_memory;
    generation->memory.failing = setup->failing;
    generation->group.L = zl_vm_new(&generation->memory);
    struct opening opening = {generation, setup->open};
    if (generation->group.L && zl_vm_call(generation->group.L, open_bindings, &opening) == 0)
        return generation;
    if (generation->group.L)
        zl_vm_take_error(generation->group.L, why);
    zl_generation_free(generation);
    return NULL;
}

void zl_generation_enter(struct zl_generation *generation)
{
    struct zl_sched *sched = generation->group.sched;
    if (sched->group)
        zl_generation_of(sched->group)->level = zl_log_level();
    sched->group = &generation->group;
    zl_log_set_level(generation->level);
    zl_log_set_sink(zl_records_queue, &generation->records);
    zl_sched_refuse(sched, false);
}

bool zl_generation_lives(const struct zl_generation *generation)
{
    return generation->group.live > 0 || zl_luv_loop_alive(generation->luv_loop);
}

bool zl_generation_may_run(const struct zl_generation *generation)
{
    return generation->group.L && !generation->group.failed && !generation->is_ended;
}

/* --- parking --------------------------------------------------------------------------------- */

void zl_generation_park(struct zl_generation *generation)
{
    generation->group.life = ZL_PARKED;
    zl_luv_loop_park(generation->luv_loop);
}

void zl_generation_resume(struct zl_generation *generation)
{
    generation->group.life = ZL_SERVING;
    zl_group_wake_resting(&generation->group);
    zl_luv_loop_resume(generation->luv_loop);
}

/* --- failing and stopping -------------------------------------------------------------------- */

struct failure {
    struct zl_generation *generation;
    lua_State *co;
    const char *message;
    bool is_last; /* the generation ends with it */
};

static void note_failure(struct zl_generation *generation, const char *report)
{
    const struct zl_runaway *runaway = &generation->group.sched->runaway;
    generation->group.failed = true;
    generation->exit_code = atomic_load(&runaway->is_ending) ? ZL_EXIT_UNDRAINED
                            : *generation->unavailable && strstr(report, generation->unavailable)
                                ? ZL_EXIT_UNAVAILABLE
                                : ZL_EXIT_ERROR;
    /* The first line, and the one that it announces: "error loading module ... :", then why. */
    int length = (int)strcspn(report, "\n");
    const char *next = report + length + strspn(report + length, "\n\t");
    bool continues = length > 0 && report[length - 1] == ':' && *next;
    snprintf(generation->error, sizeof generation->error, "%.*s%s%.*s", length, report,
             continues ? " " : "", continues ? (int)strcspn(next, "\n") : 0, next);
}

static int print_failure(lua_State *L)
{
    struct failure *failure = lua_touserdata(L, 1);
    const char *report = failure->message;
    if (failure->co) {
        if (report)
            lua_pushstring(failure->co, report);
        zl_vm_push_traceback(L, failure->co);
        report = lua_tostring(L, -1);
    }
    if (failure->is_last)
        note_failure(failure->generation, report);
    fflush(stdout);
    zl_output_print("zlrun: %s\n", report);
    return 0;
}

void zl_generation_print_error(struct zl_generation *generation, lua_State *co, const char *message)
{
    struct failure failure = {generation, co, message, false};
    if (zl_vm_call(generation->group.L, print_failure, &failure) == 0)
        return;
    zl_output_print("zlrun: not enough memory to print the error\n");
    lua_pop(generation->group.L, 1);
}

void zl_generation_failed(struct zl_generation *generation, lua_State *co, const char *message)
{
    struct failure failure = {generation, co, message, true};
    if (generation->group.failed)
        return;                                 /* only the first error counts */
    generation->memory.cap = 0;                 /* the report needs memory */
    lua_gc(generation->group.L, LUA_GCSTOP, 0); /* finalizers run in lua_close */
    note_failure(generation, "an error without a message");
    if (zl_vm_call(generation->group.L, print_failure, &failure) != 0) {
        note_failure(generation, "not enough memory to print the error");
        zl_output_print("zlrun: %s\n", generation->error);
        lua_pop(generation->group.L, 1);
    }
    struct zl_sched *sched = generation->group.sched;
    if (&generation->group != sched->group)
        return;
    zl_sched_refuse(sched, true);
    zl_timers_wake(sched->uv);
}

static int spawn_next_stop(lua_State *L)
{
    struct zl_generation *generation = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->on_stop);
    int next = (int)lua_objlen(L, -1) - --generation->stops;
    lua_rawgeti(L, -1, next);
    struct zl_task *task = zl_task_spawn(&generation->group, L, 0);
    task->finishing = true;
    zl_task_disown(task);
    return 0;
}

bool zl_generation_run_next_stop(struct zl_generation *generation)
{
    if (generation->stops == 0 || zl_vm_call(generation->group.L, spawn_next_stop, generation) == 0)
        return true;
    zl_output_print("zlrun: %s\n", lua_tostring(generation->group.L, -1));
    return false;
}

static int call_reload_callbacks(lua_State *L)
{
    struct zl_generation *generation = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->on_reload);
    lua_call(L, 0, 0);
    return 0;
}

void zl_generation_run_reload_callbacks(struct zl_generation *generation)
{
    if (generation->on_reload == LUA_NOREF)
        return;
    struct zl_watchdog *watchdog = &generation->group.sched->watchdog;
    atomic_store(&watchdog->calling, "a function of zeroless.on_reload");
    int outcome = zl_vm_call(generation->group.L, call_reload_callbacks, generation);
    atomic_store(&watchdog->calling, NULL);
    if (outcome != 0) {
        zl_log(ZL_ERROR, "", "zeroless.on_reload: %s", lua_tostring(generation->group.L, -1));
        lua_pop(generation->group.L, 1);
    }
}

/* --- the end --------------------------------------------------------------------------------- */

/* Finalizers are code of the script: their calls of zlrun are refused. */
static void close_state(struct zl_generation *generation)
{
    struct zl_sched *sched = generation->group.sched;
    bool was_refusing = zl_sched_refuse(sched, true);
    zl_watchdog_pass(&sched->watchdog);
    zl_runaway_forget(generation->remains);
    lua_close(generation->remains);
    generation->remains = NULL;
    zl_sched_refuse(sched, was_refusing);
}

bool zl_generation_finish(struct zl_generation *generation)
{
    if (generation->luv_loop && !zl_luv_loop_finish(generation->luv_loop))
        return false;
    close_state(generation);
    if (generation->luv_loop)
        zl_luv_loop_free(generation->luv_loop);
    generation->luv_loop = NULL;
    return true;
}

void zl_generation_close(struct zl_generation *generation)
{
    if (!generation->group.L)
        return;
    if (generation->group.sched->group == &generation->group)
        zl_log_set_sink(NULL, NULL);
    generation->is_ended = true;
    generation->memory.cap = 0;
    lua_gc(generation->group.L, LUA_GCSTOP, 0);
    zl_records_end(&generation->records);
    if (generation->main)
        zl_task_disown(generation->main);
    generation->main = NULL;
    zl_task_drop_all(&generation->group);
    if (generation->luv_loop) {
        generation->disarm(generation->group.L);
        zl_luv_servers_pass_paths_on(generation->luv_loop);
        zl_luv_loop_cut(generation->luv_loop, &generation->host->children);
    }
    generation->remains = generation->group.L;
    generation->group.L = NULL;
    generation->on_stop = generation->on_reload = LUA_NOREF;
    generation->stops = 0;
    if (!zl_generation_finish(generation))
        TAILQ_INSERT_TAIL(&generation->host->remains, generation, link); /* for the reaper */
}

void zl_generation_free(struct zl_generation *generation)
{
    if (!generation)
        return;
    zl_generation_close(generation);
    zl_sources_fini(&generation->sources);
    generation->is_released = true;
    if (!generation->remains)
        free(generation);
}
