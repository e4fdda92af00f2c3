/* SPDX-License-Identifier: MIT */
/* See luasup.h. */
#include "bindings/luasup.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/embedded.h"
#include "runtime/base/reason.h"
#include "runtime/script/vm.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/unread.h"

static char generation_key;

struct zl_generation *zl_lua_generation(lua_State *L)
{
    lua_pushlightuserdata(L, &generation_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    struct zl_generation *generation = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return generation;
}

void zl_lua_set_generation(lua_State *L, struct zl_generation *generation)
{
    lua_pushlightuserdata(L, &generation_key);
    lua_pushlightuserdata(L, generation);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

struct zl_loop *zl_lua_loop(lua_State *L)
{
    return zl_loop_of(zl_lua_generation(L)->host);
}

/* Pushes the innermost line of the script, skipping zlrun's own Lua modules. */
static void push_script_line(lua_State *L)
{
    lua_Debug info;
    for (int level = 1; lua_getstack(L, level, &info); level++) {
        lua_getinfo(L, "Sl", &info);
        if (info.currentline > 0 && !zl_embedded_has_file(info.short_src)) {
            lua_pushfstring(L, "%s:%d: ", info.short_src, info.currentline);
            return;
        }
    }
    lua_pushliteral(L, "");
}

struct zl_generation *zl_lua_live(lua_State *L)
{
    struct zl_generation *generation = zl_lua_generation(L);
    if (!zl_generation_may_run(generation) || generation->group.sched->phase == ZL_ENDED) {
        push_script_line(L);
        lua_pushliteral(L, ZL_REFUSAL);
        lua_concat(L, 2);
        lua_error(L);
    }
    return generation;
}

void zl_lua_refuse_in_attempt(lua_State *L, const char *call)
{
    struct zl_generation *generation = zl_lua_generation(L);
    if (!generation->is_attempt || generation->group.failed)
        return;
    push_script_line(L);
    lua_pushfstring(L, "%s was called while new code was starting; this aborts only the reload",
                    call);
    lua_concat(L, 2);
    zl_generation_failed(generation, NULL, lua_tostring(L, -1));
    lua_error(L);
}

void zl_lua_close_socket(lua_State *L, struct zl_socket *socket)
{
    struct zl_generation *generation = zl_lua_live(L);
    if (socket->owner && socket->owner != &generation->group)
        return;
    zl_unread_report(socket);
    zl_sockets_close(socket);
}

/* Upvalues: the methods, the property function. */
static int index_with_properties(lua_State *L)
{
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    if (!lua_isnil(L, -1))
        return 1;
    return lua_tocfunction(L, lua_upvalueindex(2))(L);
}

void zl_lua_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta,
                  lua_CFunction property)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    lua_createtable(L, 0, 2);
    lua_newtable(L);
    luaL_register(L, NULL, methods ? methods : none);
    luaL_newmetatable(L, name);
    luaL_register(L, NULL, meta ? meta : none);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -2);
    if (property) {
        lua_pushcfunction(L, property);
        lua_pushcclosure(L, index_with_properties, 2);
    }
    lua_setfield(L, -2, "__index");
    lua_setfield(L, -3, "meta");
    lua_setfield(L, -2, "methods");
}

void *zl_lua_new(lua_State *L, const char *class_name, size_t size)
{
    void *object = lua_newuserdata(L, size);
    memset(object, 0, size);
    luaL_getmetatable(L, class_name);
    lua_setmetatable(L, -2);
    return object;
}

struct zl_handle *zl_lua_new_handle(lua_State *L, const char *class_name, size_t size)
{
    struct zl_handle *handle = zl_lua_new(L, class_name, size);
    handle->class_name = class_name;
    return handle;
}

struct zl_handle *zl_lua_check_handle(lua_State *L, int index, const char *class_name)
{
    return luaL_checkudata(L, index, class_name);
}

void zl_lua_drop_socket(struct zl_handle *handle)
{
    struct zl_socket *socket = handle->socket;
    handle->socket = NULL;
    if (socket)
        zl_sockets_unref(socket);
}

int zl_handle__gc(lua_State *L)
{
    zl_lua_drop_socket(lua_touserdata(L, 1));
    return 0;
}

int zl_handle__tostring(lua_State *L)
{
    struct zl_handle *handle = lua_touserdata(L, 1);
    char endpoints[ZL_WHY_MAX] = "";
    if (handle->socket && handle->socket->zmq)
        zl_endpoints_describe(handle->socket, endpoints, sizeof endpoints);
    const char *kind = strchr(handle->class_name, '.') + 1;
    lua_pushfstring(L, "%s %s (%s)", handle->socket ? handle->socket->pattern->name : "", kind,
                    handle->socket && handle->socket->zmq ? endpoints : "closed");
    return 1;
}

void zl_lua_caller(lua_State *L, int level, char *line)
{
    zl_vm_line(L, level, line, ZL_LINE_MAX);
}
