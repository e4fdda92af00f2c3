/* SPDX-License-Identifier: MIT */
/* See script.h. Everything that touches the Lua state runs protected. */
#include "runtime/script/script.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/reason.h"
#include "runtime/script/generation.h"
#include "runtime/script/ahead.h"

struct starting {
    struct zl_generation *generation;
    const struct zl_script *script;
    bool is_reload;
};

static char chunk_key; /* registry key of the compiled script */

/* --- compiling ------------------------------------------------------------------------------- */

/* A folder is rejected with EISDIR. */
bool zl_script_find(const struct zl_script *script)
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

/* A reload rejects an empty script: an editor or a copy in progress empties a file for a moment. */
static int load_file(lua_State *L, struct starting *starting)
{
    const char *path = starting->script->file;
    if (strcmp(path, "-") == 0) {
        if (starting->is_reload)
            return luaL_error(L, "standard input cannot be read again");
        return luaL_loadfile(L, NULL);
    }
    const char *chunk = lua_pushfstring(L, "@%s", path);
    struct zl_source *source = zl_source_load(&starting->generation->sources, path, ZL_LOAD_SCRIPT);
    if (!source) {
        char why[ZL_WHY_MAX];
        return luaL_error(L, "%s", zl_content_explain(path, errno, why, sizeof why));
    }
    if (starting->is_reload && zl_source_is_blank(source)) {
        zl_source_done(source);
        return luaL_error(L, "%s is empty", path);
    }
    int outcome = luaL_loadbuffer(L, source->text, source->size, chunk);
    zl_source_done(source);
    return outcome;
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
    if (!starting->is_reload)
        return 0;
    zl_ahead_begin(starting->generation);
    /* Every reload needs it, and no message waits at this point. */
    zl_vm_require(L, "zeroless");
    return 0;
}

bool zl_script_compile(struct zl_generation *generation, const struct zl_script *script,
                       bool is_reload, char *why)
{
    struct starting starting = {generation, script, is_reload};
    if (zl_vm_call(generation->group.L, compile, &starting) == 0)
        return true;
    zl_vm_take_error(generation->group.L, why);
    return false;
}

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

/* --- beginning ------------------------------------------------------------------------------- */

/* Sets `arg` as luajit does (the script at 0, its arguments after it, the host's words before it)
 * and pushes the arguments. */
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
    /* LuaJIT 2.1 of 2022-03-20 crashes when an allocation fails in compiled code; -jon accepts that
     * risk. */
    if (script->setup.max_memory > 0 || script->setup.failing > 0)
        jit_command(L, "off");
    for (char **command = script->jit_commands; *command; command++)
        jit_command(L, *command);
    for (char **module = script->modules; *module; module++)
        zl_vm_require(L, *module);
    lua_pushlightuserdata(L, &chunk_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    int arguments = push_arguments(L, script);
    starting->generation->main = zl_task_spawn(&starting->generation->group, L, arguments);
    return 0;
}

void zl_script_begin(struct zl_generation *generation, const struct zl_script *script)
{
    struct starting starting = {generation, script, false};
    if (zl_vm_call(generation->group.L, begin, &starting) == 0)
        return;
    const char *message = lua_tostring(generation->group.L, -1);
    zl_generation_failed(generation, NULL, message ? message : "(error object is not a string)");
    lua_pop(generation->group.L, 1);
}
