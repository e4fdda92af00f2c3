/* SPDX-License-Identifier: MIT */
/* See generation.h. Everything that touches the new state runs protected: loading, the -j and -l
 * options, the printing of errors. */
#include "runtime/generation.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/log.h"
#include "runtime/loop.h"

struct starting {
    struct zl_generation *generation;
    const struct zl_script *script;
};

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

/* --- loading --------------------------------------------------------------------------------- */

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

static int load(lua_State *L, const struct zl_script *script)
{
    if (script->code)
        return luaL_loadbuffer(L, script->code, strlen(script->code), "=(command line)");
    return luaL_loadfile(L, strcmp(script->file, "-") == 0 ? NULL : script->file);
}

static int start(lua_State *L)
{
    struct starting *starting = lua_touserdata(L, 1);
    const struct zl_script *script = starting->script;
    struct zl_generation *generation = starting->generation;
    lua_pushcfunction(L, script->open);
    lua_pushlightuserdata(L, generation->loop);
    lua_call(L, 1, 0);
    /* LuaJIT 2.1 of 2022-03-20 crashes when compiled code gets no memory; -jon takes that risk. */
    if (script->max_memory > 0 || script->failing > 0)
        jit_command(L, "off");
    for (char **command = script->jit_commands; *command; command++)
        jit_command(L, *command);
    for (char **module = script->modules; *module; module++)
        require_module(L, *module);
    if (load(L, script) != 0)
        return lua_error(L);
    zl_task_disown(zl_task_spawn(generation->loop, L, push_arguments(L, script)));
    return 0;
}

/* Whether there is a script to run at all; a folder is none. */
static bool is_readable(const struct zl_script *script)
{
    if (script->code || strcmp(script->file, "-") == 0)
        return true;
    FILE *file = fopen(script->file, "r");
    char byte;
    bool readable = file && (fread(&byte, 1, 1, file) == 1 || !ferror(file));
    int error = errno;
    if (file)
        fclose(file);
    if (readable)
        return true;
    char hint[512] = "";
    snprintf(hint, sizeof hint, "%s.lua", script->file);
    bool has_sibling = access(hint, R_OK) == 0;
    fprintf(stderr, "zlrun: no script %s: %s%s%s\n", script->file, strerror(error),
            has_sibling ? "; did you mean " : "", has_sibling ? hint : "");
    return false;
}

int zl_generation_start(struct zl_generation *generation, struct zl_loop *loop,
                        const struct zl_script *script)
{
    *generation = (struct zl_generation){.loop = loop, .number = 1, .on_stop = LUA_NOREF};
    generation->memory.cap = script->max_memory;
    generation->memory.failing = script->failing;
    loop->generation = generation;
    if (!is_readable(script))
        return ZL_EXIT_NO_SCRIPT;
    generation->L = zl_vm_new(&generation->memory);
    if (!generation->L) {
        fputs("zlrun: not enough memory for a Lua state; is --max-memory too small?\n", stderr);
        return ZL_EXIT_ERROR;
    }
    struct starting starting = {generation, script};
    if (zl_vm_call(generation->L, start, &starting) == 0)
        return 0;
    const char *message = lua_tostring(generation->L, -1);
    fprintf(stderr, "zlrun: %s\n", message ? message : "(error object is not a string)");
    return ZL_EXIT_ERROR;
}

void zl_generation_close(struct zl_generation *generation)
{
    if (!generation->L)
        return;
    zl_log_set_sink(NULL, NULL);
    zl_task_drop_all(generation->loop);
    zl_nested_stop(&generation->loop->nested);
    lua_close(generation->L);
    generation->L = NULL;
}

/* --- failing and stopping -------------------------------------------------------------------- */

struct failure {
    struct zl_generation *generation;
    lua_State *co;
    const char *message;
    int code;
};

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
    const char *unavailable = failure->generation->unavailable;
    if (*unavailable && strstr(report, unavailable))
        failure->code = ZL_EXIT_UNAVAILABLE;
    fflush(stdout);
    fprintf(stderr, "zlrun: %s\n", report);
    return 0;
}

void zl_generation_failed(struct zl_generation *generation, lua_State *co, const char *message)
{
    struct failure failure = {generation, co, message, ZL_EXIT_ERROR};
    generation->memory.cap = 0; /* the report itself may need some */
    if (zl_vm_call(generation->L, print_failure, &failure) != 0) {
        fputs("zlrun: not enough memory to print the error\n", stderr);
        lua_pop(generation->L, 1);
    }
    zl_loop_fail(generation->loop, failure.code);
}

static int spawn_callbacks(lua_State *L)
{
    struct zl_generation *generation = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->on_stop);
    struct zl_task *task = zl_task_spawn(generation->loop, L, 0);
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
