/* SPDX-License-Identifier: MIT */
/* Assembles the bindings into the module zeroless.core, on which lua/zeroless/ builds the public
 * modules, and prepares a fresh state for scripts: coroutines that pass on waits, os.exit. */
#include "bindings/core.h"

#include <stdlib.h>
#include <string.h>

#include "bindings/luasup.h"
#include "runtime/base/fork.h"
#include "runtime/base/reason.h"
#include "runtime/script/generation.h"
#include "runtime/socket/reqrep.h"
#include "runtime/zmq/libzmq.h"
#include "runtime/shutdown.h"

/* os.exit(code, close): flushes sent messages before exiting */
static int os_exit(lua_State *L)
{
    int code = lua_isboolean(L, 1) ? (lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE)
                                   : (int)luaL_optinteger(L, 1, EXIT_SUCCESS);
    zl_fork_leave(code);
    zl_lua_refuse_in_attempt(L, "os.exit");
    struct zl_generation *generation = zl_lua_live(L);
    zl_records_deliver(&generation->records);
    zl_shutdown_exit(zl_loop_of(generation->host), code);
}

/* core.engage(): called when the script requires zeroless */
static int core_engage(lua_State *L)
{
    char why[ZL_WHY_MAX];
    if (!zl_libzmq_load(why)) {
        lua_pushstring(L, why);
        return lua_error(L);
    }
    zl_loop_engage(zl_lua_loop(L));
    return 0;
}

_Static_assert(ZL_SOURCE_MAX == LUA_IDSIZE, "a source name fits");

/* core.note_call_site(object, stack level): records the script line that sent a request, received
 * one or replied */
static int core_note_call_site(lua_State *L)
{
    struct zl_handle *handle = lua_touserdata(L, 1);
    struct zl_line *line = zl_reqrep_line(handle->socket);
    lua_Debug info;
    line->number = 0;
    if (lua_getstack(L, (int)lua_tointeger(L, 2), &info) && lua_getinfo(L, "Sl", &info)) {
        memcpy(line->source, info.short_src, sizeof line->source);
        line->number = info.currentline;
    }
    return 0;
}

/* core.call_site(object): the recorded line, or "" */
static int core_call_site(lua_State *L)
{
    struct zl_handle *handle = lua_touserdata(L, 1);
    char text[ZL_LINE_MAX];
    zl_line_text(zl_reqrep_line(handle->socket), text);
    lua_pushstring(L, text);
    return 1;
}

/* core.is_closed(object) */
static int core_is_closed(lua_State *L)
{
    const struct zl_handle *handle = lua_touserdata(L, 1);
    lua_pushboolean(L, handle->socket->zmq == NULL);
    return 1;
}

/* core.counts(): the numbers of open sockets and of tasks that have not ended, for leak checks */
static int core_counts(lua_State *L)
{
    struct zl_loop *loop = zl_lua_loop(L);
    lua_pushinteger(L, (lua_Integer)loop->hub.socket_count);
    lua_pushinteger(L, (lua_Integer)zl_lua_generation(L)->group.live);
    return 2;
}

static int open_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"engage", core_engage},       {"note_call_site", core_note_call_site},
        {"call_site", core_call_site}, {"is_closed", core_is_closed},
        {"counts", core_counts},       {NULL, NULL}};
    struct zl_loop *loop = zl_lua_loop(L);
    lua_newtable(L);
    luaL_register(L, NULL, functions);
    zl_open_task(L);
    zl_open_log(L);
    zl_open_server(L);
    zl_open_client(L);
    zl_open_sender(L);
    zl_open_receiver(L);
    lua_pushlightuserdata(L, &loop->hub.shared);
    lua_setfield(L, -2, "shared");
    lua_pushliteral(L, ZL_REFUSAL);
    lua_setfield(L, -2, "REFUSAL");
    lua_pushinteger(L, zl_lua_generation(L)->number);
    lua_setfield(L, -2, "generation");
    zl_open_source(L);
    return 1;
}

static void preload(lua_State *L, const char *name, lua_CFunction opener)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, opener);
    lua_setfield(L, -2, name);
    lua_pop(L, 2);
}

int zl_bindings_open(lua_State *L)
{
    zl_lua_set_generation(L, lua_touserdata(L, 1));
    preload(L, "zeroless.core", open_core);
    preload(L, "luv", zl_open_luv);
    zl_record_sources(L);
    lua_getglobal(L, "os");
    lua_pushcfunction(L, os_exit);
    lua_setfield(L, -2, "exit");
    lua_getglobal(L, "require");
    lua_pushliteral(L, "zeroless.coroutine");
    lua_call(L, 1, 0);
    return 0;
}
