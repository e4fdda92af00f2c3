/* SPDX-License-Identifier: MIT */
/* See generation.h. Everything that touches the new state runs protected: loading, the -j and -l
 * options, the printing of errors. */
#include "runtime/generation.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/loop.h"

struct starting {
    struct zl_generation *generation;
    const struct zl_script *script;
    const struct zl_sources *before;
};

static char chunk_key; /* the compiled script, in the registry */

/* --- options for LuaJIT ---------------------------------------------------------------------- */

/* -jcmd or -jcmd=arg,arg: a function of jit (on, off, flush), else start() of the module jit.cmd.
 */
static void jit_command(lua_State *L, const char *command)
{
    const char *equals = strchr(command, '=');
    size_t length = equals ? (size_t)(equals - command) : strlen(command);
    lua_getglobal(L, "jit");
    lua_pushlstring(L, command, length);
    lua_gettable(L, -2);
    if (!lua_isfunction(L, -1)) {
        lua_pop(L, 1);
        lua_getglobal(L, "require");
        lua_pushliteral(L, "jit.");
        lua_pushlstring(L, command, length);
        lua_concat(L, 2);
        lua_call(L, 1, 1);
        lua_getfield(L, -1, "start");
        lua_remove(L, -2);
    }
    int arguments = 0;
    for (const char *next = equals; next; arguments++) {
        const char *begin = next + 1;
        next = strchr(begin, ',');
        lua_pushlstring(L, begin, next ? (size_t)(next - begin) : strlen(begin));
    }
    lua_call(L, arguments, 0);
    lua_pop(L, 1);
}

static void require_module(lua_State *L, const char *name)
{
    lua_getglobal(L, "require");
    lua_pushstring(L, name);
    lua_call(L, 1, 0);
}

/* --- making ---------------------------------------------------------------------------------- */

static int open_bindings(lua_State *L)
{
    struct starting *starting = lua_touserdata(L, 1);
    lua_pushcfunction(L, starting->script->open);
    lua_pushlightuserdata(L, starting->generation);
    lua_call(L, 1, 0);
    return 0;
}

/* What zl_vm_call left on L. */
static void take_error(lua_State *L, char *why)
{
    const char *message = lua_tostring(L, -1);
    snprintf(why, ZL_WHY_MAX, "%s", message ? message : "(error object is not a string)");
    lua_pop(L, 1);
}

struct zl_generation *zl_generation_new(struct zl_loop *loop, const struct zl_script *script,
                                        int number, char *why)
{
    struct zl_generation *generation = calloc(1, sizeof *generation);
    snprintf(why, ZL_WHY_MAX, "not enough memory for a Lua state; is --max-memory too small?");
    if (!generation)
        return NULL;
    generation->loop = loop;
    generation->number = number;
    generation->on_stop = generation->on_reload = LUA_NOREF;
    generation->level = zl_log_level();
    generation->memory.cap = script->max_memory;
    generation->memory.failing = script->failing;
    TAILQ_INIT(&generation->ready);
    TAILQ_INIT(&generation->tasks);
    TAILQ_INIT(&generation->resting);
    generation->L = zl_vm_new(&generation->memory);
    struct starting starting = {generation, script, NULL};
    if (generation->L && zl_vm_call(generation->L, open_bindings, &starting) == 0)
        return generation;
    if (generation->L)
        take_error(generation->L, why);
    zl_generation_free(generation);
    return NULL;
}

/* --- compiling ------------------------------------------------------------------------------- */

/* A folder is no script. */
bool zl_generation_find_script(const struct zl_script *script)
{
    struct stat status;
    if (script->code || strcmp(script->file, "-") == 0)
        return true;
    int error = access(script->file, R_OK) == 0 ? 0 : errno;
    if (error == 0 && stat(script->file, &status) == 0 && S_ISDIR(status.st_mode))
        error = EISDIR;
    if (error == 0)
        return true;
    char hint[512] = "";
    snprintf(hint, sizeof hint, "%s.lua", script->file);
    bool has_sibling = access(hint, R_OK) == 0;
    fprintf(stderr, "zlrun: no script %s: %s%s%s\n", script->file, strerror(error),
            has_sibling ? "; did you mean " : "", has_sibling ? hint : "");
    return false;
}

static bool is_blank(const struct zl_source *source)
{
    return strspn(source->text, " \t\r\n") == source->size;
}

/* An editor or a copy in progress leaves a file empty for a moment: that is no script to change
 * to. */
static int load_file(lua_State *L, struct starting *starting)
{
    const char *path = starting->script->file;
    if (strcmp(path, "-") == 0) {
        if (starting->before)
            return luaL_error(L, "standard input cannot be read again");
        return luaL_loadfile(L, NULL);
    }
    const char *chunk = lua_pushfstring(L, "@%s", path);
    struct zl_source *source = zl_source_load(&starting->generation->sources, path, false);
    if (!source)
        return luaL_error(L, "cannot open %s: %s", path, strerror(errno));
    if (starting->before && is_blank(source)) {
        zl_source_done(source);
        return luaL_error(L, "%s is empty", path);
    }
    int outcome = luaL_loadbuffer(L, source->text, source->size, chunk);
    zl_source_done(source);
    return outcome;
}

static void check_syntax(lua_State *L, const struct zl_source *source)
{
    if (is_blank(source))
        luaL_error(L, "%s is empty", source->path);
    const char *chunk = lua_pushfstring(L, "@%s", source->path);
    if (luaL_loadbuffer(L, source->text, source->size, chunk) != 0)
        lua_error(L);
    lua_pop(L, 2);
}

static int compile(lua_State *L)
{
    struct starting *starting = lua_touserdata(L, 1);
    const struct zl_script *script = starting->script;
    int outcome = script->code
                      ? luaL_loadbuffer(L, script->code, strlen(script->code), "=(command line)")
                      : load_file(L, starting);
    if (outcome != 0)
        return lua_error(L);
    lua_pushlightuserdata(L, &chunk_key);
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    const struct zl_source *source = starting->generation->sources.first;
    for (; starting->before && source; source = source->next)
        if (source->text && zl_source_is_new(source, starting->before))
            check_syntax(L, source);
    /* Every reload needs it, and now nobody waits. */
    if (starting->before)
        require_module(L, "zeroless");
    return 0;
}

bool zl_generation_compile(struct zl_generation *generation, const struct zl_script *script,
                           const struct zl_sources *before, char *why)
{
    struct starting starting = {generation, script, before};
    if (before && !zl_sources_refresh(&generation->sources, before)) {
        snprintf(why, ZL_WHY_MAX, "not enough memory to read the files");
        return false;
    }
    if (zl_vm_call(generation->L, compile, &starting) == 0)
        return true;
    take_error(generation->L, why);
    return false;
}

/* --- zeroless.state -------------------------------------------------------------------------- */

struct state {
    char *bytes;
    size_t size;
};

/* package.loaded[name], pushed. */
static void push_loaded(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

static int take_state(lua_State *L)
{
    struct state *state = lua_touserdata(L, 1);
    push_loaded(L, "zeroless");
    if (!lua_istable(L, -1))
        return 0;
    push_loaded(L, "zeroless.state");
    lua_getfield(L, -1, "pack");
    lua_getfield(L, -3, "state");
    lua_call(L, 1, 1);
    const char *bytes = lua_tolstring(L, -1, &state->size);
    state->bytes = malloc(state->size + 1);
    if (!state->bytes)
        return luaL_error(L, "not enough memory for zeroless.state");
    memcpy(state->bytes, bytes, state->size);
    return 0;
}

bool zl_generation_take_state(struct zl_generation *generation, char **bytes, size_t *size,
                              char *why)
{
    struct state state = {NULL, 0};
    if (zl_vm_call(generation->L, take_state, &state) != 0) {
        take_error(generation->L, why);
        return false;
    }
    free(*bytes);
    *bytes = state.bytes;
    *size = state.size;
    return true;
}

static int give_state(lua_State *L)
{
    const struct state *state = lua_touserdata(L, 1);
    require_module(L, "zeroless");
    push_loaded(L, "zeroless");
    push_loaded(L, "zeroless.state");
    lua_getfield(L, -1, "unpack");
    lua_pushlstring(L, state->bytes, state->size);
    lua_call(L, 1, 1);
    lua_setfield(L, -3, "state");
    return 0;
}

bool zl_generation_give_state(struct zl_generation *generation, const char *bytes, size_t size,
                              char *why)
{
    struct state state = {(char *)bytes, size};
    if (!bytes || zl_vm_call(generation->L, give_state, &state) == 0)
        return true;
    take_error(generation->L, why);
    return false;
}

/* --- beginning ------------------------------------------------------------------------------- */

/* arg as luajit makes it: the script at 0, its arguments after it, the host's words before it. */
static int push_arguments(lua_State *L, const struct zl_script *script)
{
    lua_createtable(L, script->argc - script->first, script->first + 1);
    for (int i = 0; i < script->argc; i++) {
        lua_pushstring(L, script->argv[i]);
        lua_rawseti(L, -2, i - script->first);
    }
    lua_setglobal(L, "arg");
    int count = script->argc - script->first - 1;
    luaL_checkstack(L, count + 1, "too many arguments to the script");
    for (int i = 1; i <= count; i++)
        lua_pushstring(L, script->argv[script->first + i]);
    return count > 0 ? count : 0;
}

static int begin(lua_State *L)
{
    struct starting *starting = lua_touserdata(L, 1);
    const struct zl_script *script = starting->script;
    /* LuaJIT 2.1 of 2022-03-20 crashes when compiled code gets no memory; -jon takes that risk. */
    if (script->max_memory > 0 || script->failing > 0)
        jit_command(L, "off");
    for (char **command = script->jit_commands; *command; command++)
        jit_command(L, *command);
    for (char **module = script->modules; *module; module++)
        require_module(L, *module);
    lua_pushlightuserdata(L, &chunk_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    int arguments = push_arguments(L, script);
    starting->generation->main = zl_task_spawn(starting->generation, L, arguments);
    return 0;
}

void zl_generation_begin(struct zl_generation *generation, const struct zl_script *script)
{
    struct starting starting = {generation, script, NULL};
    if (zl_vm_call(generation->L, begin, &starting) == 0)
        return;
    const char *message = lua_tostring(generation->L, -1);
    zl_generation_failed(generation, NULL, message ? message : "(error object is not a string)");
    lua_pop(generation->L, 1);
}

void zl_generation_enter(struct zl_generation *generation)
{
    struct zl_loop *loop = generation->loop;
    if (loop->generation)
        loop->generation->level = zl_log_level();
    loop->generation = generation;
    zl_log_set_level(generation->level);
    zl_log_set_sink(generation->sink, generation->L);
}

/* --- parking --------------------------------------------------------------------------------- */

struct zl_task *zl_generation_unfinished(const struct zl_generation *generation)
{
    struct zl_task *task;
    TAILQ_FOREACH(task, &generation->tasks, all)
    {
        if (!zl_task_at_rest(task))
            return task;
    }
    return NULL;
}

void zl_generation_park(struct zl_generation *generation)
{
    generation->life = ZL_PARKED;
    zl_socket_wake_all(generation->loop);
    zl_nested_park(generation->nested);
}

void zl_generation_wake_resting(struct zl_generation *generation)
{
    struct zl_task *task;
    while ((task = TAILQ_FIRST(&generation->resting)))
        zl_task_wake(task, task->wake);
}

void zl_generation_resume(struct zl_generation *generation)
{
    generation->life = ZL_SERVING;
    zl_generation_wake_resting(generation);
    zl_nested_resume(generation->nested);
}

/* --- failing and stopping -------------------------------------------------------------------- */

struct failure {
    struct zl_generation *generation;
    lua_State *co;
    const char *message;
};

static void note_failure(struct zl_generation *generation, const char *report)
{
    generation->failed = true;
    generation->exit_code = *generation->unavailable && strstr(report, generation->unavailable)
                                ? ZL_EXIT_UNAVAILABLE
                                : ZL_EXIT_ERROR;
    snprintf(generation->error, sizeof generation->error, "%.*s", (int)strcspn(report, "\n"),
             report);
}

static int print_failure(lua_State *L)
{
    struct failure *failure = lua_touserdata(L, 1);
    const char *report = failure->message;
    if (failure->co) {
        if (report)
            lua_pushstring(failure->co, report);
        else if (lua_isnil(failure->co, -1))
            return 0; /* error() says that enough was said, as under luajit */
        zl_vm_push_traceback(L, failure->co);
        report = lua_tostring(L, -1);
    }
    note_failure(failure->generation, report);
    fflush(stdout);
    fprintf(stderr, "zlrun: %s\n", report);
    return 0;
}

void zl_generation_failed(struct zl_generation *generation, lua_State *co, const char *message)
{
    struct failure failure = {generation, co, message};
    generation->memory.cap = 0; /* the report itself may need some */
    note_failure(generation, "an error without a message");
    if (zl_vm_call(generation->L, print_failure, &failure) != 0) {
        note_failure(generation, "not enough memory to print the error");
        fprintf(stderr, "zlrun: %s\n", generation->error);
        lua_pop(generation->L, 1);
    }
    if (generation == generation->loop->generation)
        zl_loop_interrupt(generation->loop);
}

static int spawn_callbacks(lua_State *L)
{
    struct zl_generation *generation = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->on_stop);
    struct zl_task *task = zl_task_spawn(generation, L, 0);
    task->finishing = true;
    zl_task_disown(task);
    return 0;
}

void zl_generation_run_callbacks(struct zl_generation *generation)
{
    if (generation->on_stop == LUA_NOREF)
        return;
    if (zl_vm_call(generation->L, spawn_callbacks, generation) != 0) {
        fprintf(stderr, "zlrun: %s\n", lua_tostring(generation->L, -1));
        zl_loop_fail(generation->loop, ZL_EXIT_ERROR);
    }
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
    if (zl_vm_call(generation->L, call_reload_callbacks, generation) != 0) {
        zl_log(ZL_ERROR, "", "zeroless.on_reload: %s", lua_tostring(generation->L, -1));
        lua_pop(generation->L, 1);
    }
}

/* --- the end --------------------------------------------------------------------------------- */

void zl_generation_close(struct zl_generation *generation)
{
    struct zl_loop *loop = generation->loop;
    if (!generation->L)
        return;
    if (loop->generation == generation)
        zl_log_set_sink(NULL, NULL);
    if (generation->main)
        zl_task_disown(generation->main);
    generation->main = NULL;
    zl_task_drop_all(generation);
    zl_nested_stop(generation->nested);
    generation->nested = NULL;
    zl_watchdog_pass(&loop->watchdog);
    lua_close(generation->L);
    generation->L = NULL;
    generation->on_stop = generation->on_reload = LUA_NOREF;
}

void zl_generation_free(struct zl_generation *generation)
{
    if (!generation)
        return;
    zl_generation_close(generation);
    zl_sources_fini(&generation->sources);
    free(generation);
}
