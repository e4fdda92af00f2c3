/* SPDX-License-Identifier: MIT */
/* Records the files that a script loads with its generation, for reloads: loadfile, dofile and
 * require's searcher for Lua files are replaced by functions that behave like luajit's.
 * zeroless.watch adds data files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bindings/luasup.h"
#include "runtime/base/reason.h"
#include "runtime/script/ahead.h"

/* Like luaL_loadfilex: pushes the function or the error, and returns the same codes. */
static int load(lua_State *L, const char *path, const char *mode, enum zl_load how)
{
    struct zl_generation *generation = zl_lua_generation(L);
    const char *chunk = lua_pushfstring(L, "@%s", path);
    struct zl_source *source = zl_source_load(&generation->sources, path, how);
    if (!source) {
        char why[ZL_WHY_MAX];
        lua_pushstring(L, zl_content_explain(path, errno, why, sizeof why));
        lua_remove(L, -2);
        return LUA_ERRFILE;
    }
    bool is_ready = how == ZL_LOAD_MODULE && zl_ahead_push(L, source);
    int outcome = is_ready ? 0 : luaL_loadbufferx(L, source->text, source->size, chunk, mode);
    zl_source_done(source);
    lua_remove(L, -2);
    return outcome;
}

/* loadfile([filename [, mode [, env]]]) */
static int source_loadfile(lua_State *L)
{
    const char *path = luaL_optstring(L, 1, NULL);
    const char *mode = luaL_optstring(L, 2, NULL);
    bool has_environment = lua_istable(L, 3); /* other values are ignored, as by luajit */
    int outcome = path ? load(L, path, mode, ZL_LOAD_FRESH) : luaL_loadfilex(L, NULL, mode);
    if (outcome != 0) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (has_environment) {
        lua_pushvalue(L, 3);
        lua_setfenv(L, -2);
    }
    return 1;
}

/* dofile([filename]) */
static int source_dofile(lua_State *L)
{
    const char *path = luaL_optstring(L, 1, NULL);
    lua_settop(L, 1);
    if ((path ? load(L, path, NULL, ZL_LOAD_FRESH) : luaL_loadfile(L, NULL)) != 0)
        return lua_error(L);
    lua_call(L, 0, LUA_MULTRET);
    return lua_gettop(L) - 1;
}

static bool can_be_opened(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Pushes and returns the path of the module found among package.path's `templates`, as
 * package.searchpath does; a file that a reload has read is taken to exist without another check.
 * NULL, with nothing pushed, if there is none, or if no reload has read any file. */
static const char *search_read(lua_State *L, const char *name, const char *templates)
{
    const struct zl_sources *sources = &zl_lua_generation(L)->sources;
    int top = lua_gettop(L);
    const char *file = luaL_gsub(L, name, ".", "/");
    for (const char *at = templates + strspn(templates, ";"); *at; at += strspn(at, ";")) {
        size_t length = strcspn(at, ";");
        lua_pushlstring(L, at, length);
        const char *path = luaL_gsub(L, lua_tostring(L, -1), "?", file);
        if (zl_source_is_read(sources, path) || can_be_opened(path)) {
            lua_replace(L, top + 1);
            lua_settop(L, top + 1);
            return path;
        }
        lua_settop(L, top + 1);
        at += length;
    }
    lua_settop(L, top);
    return NULL;
}

/* The searcher of require for Lua files. Upvalues: package, package.searchpath. */
static int search_file(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    lua_getfield(L, lua_upvalueindex(1), "path");
    if (!lua_isstring(L, -1))
        return luaL_error(L, "'package.path' must be a string");
    struct zl_sources *sources = &zl_lua_generation(L)->sources;
    const char *path = zl_source_find_served(sources, name);
    if (!path)
        path = search_read(L, name, lua_tostring(L, -1));
    if (!path) {
        lua_pushvalue(L, lua_upvalueindex(2));
        lua_pushvalue(L, 1);
        lua_pushvalue(L, -3);
        lua_call(L, 2, 2);
        if (lua_isnil(L, -2))
            return 1; /* the list of places searched */
        path = lua_tostring(L, -2);
    }
    if (load(L, path, NULL, ZL_LOAD_MODULE) != 0)
        return luaL_error(L, "error loading module '%s' from file '%s':\n\t%s", name, path,
                          lua_tostring(L, -1));
    zl_source_name(sources, path, name);
    return 1;
}

void zl_record_sources(lua_State *L)
{
    enum { LUA_FILES = 3 }; /* after package.preload and the modules embedded in zlrun */
    lua_pushcfunction(L, source_loadfile);
    lua_setglobal(L, "loadfile");
    lua_pushcfunction(L, source_dofile);
    lua_setglobal(L, "dofile");
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "loaders");
    lua_pushvalue(L, -2);
    lua_getfield(L, -3, "searchpath");
    lua_pushcclosure(L, search_file, 2);
    lua_rawseti(L, -2, LUA_FILES);
    lua_pop(L, 2);
}

/* core.watch(path): changes of the file cause a reload, like those of the script */
static int core_watch(lua_State *L)
{
    struct zl_generation *generation = zl_lua_generation(L);
    if (lua_type(L, 1) != LUA_TSTRING)
        return luaL_error(L, "zeroless.watch takes the path of a file, not a %s",
                          luaL_typename(L, 1));
    const char *path = lua_tostring(L, 1);
    if (zl_source_watch(&generation->sources, path))
        return 0;
    char why[ZL_WHY_MAX];
    return luaL_error(L, "zeroless.watch: %s", zl_content_explain(path, errno, why, sizeof why));
}

void zl_open_source(lua_State *L)
{
    lua_pushcfunction(L, core_watch);
    lua_setfield(L, -2, "watch");
}
