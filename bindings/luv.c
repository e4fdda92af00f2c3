/* SPDX-License-Identifier: MIT */
/* luv for scripts, on the generation's own loop, nested in the host's. Callbacks run outside any
 * task; an error in one fails the generation, as an error in a task does. */
#include <luv/luv.h>

#include "bindings/luasup.h"
#include "runtime/base/limits.h"
#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/sched/runaway.h"
#include "runtime/script/generation.h"
#include "runtime/zmq/context.h"

/* The callback protocol of luv (luv.h): pops the function and its arguments and pushes the results.
 * Returns their number, or a negative number after an error. */
static int call_back(lua_State *L, int arguments, int results, int flags)
{
    struct zl_generation *generation = zl_lua_generation(L);
    struct zl_sched *sched = generation->group.sched;
    struct zl_task *interrupted = sched->current;
    (void)flags;
    if (!zl_generation_may_run(generation)) {
        lua_pop(L, arguments + 1);
        return -LUA_ERRRUN;
    }
    int before = lua_gettop(L) - arguments - 1;
    lua_pushcfunction(L, zl_vm_add_traceback);
    lua_insert(L, before + 1);
    sched->current = sched->outside;
    lua_State *around = zl_runaway_enter(generation->group.L);
    zl_runaway_beat(); /* uv.run called this callback: a new stretch begins */
    int outcome = lua_pcall(L, arguments, results, before + 1);
    zl_runaway_beat();
    zl_runaway_leave(around);
    sched->current = interrupted;
    if (outcome != 0) {
        zl_generation_failed(generation, NULL, lua_tostring(L, -1));
        uv_stop(&generation->luv_loop->inner); /* also ends a uv.run of the script */
        lua_settop(L, before);
        return -outcome;
    }
    lua_remove(L, before + 1);
    return results == LUA_MULTRET ? lua_gettop(L) - before : results;
}

/* --- the end --------------------------------------------------------------------------------- */

static int refuse(lua_State *L)
{
    return luaL_error(L, ZL_REFUSAL);
}

/* Replaces each function of the table at the top by `refuse` (at index 2), and pops the table. */
static void disarm_table(lua_State *L)
{
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_isfunction(L, -1)) {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, 2);
            lua_rawset(L, -5);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* Disarms the module and the methods of its handles (luv keeps a set of their metatables). */
static int disarm_protected(lua_State *L)
{
    lua_pushcfunction(L, refuse);
    lua_getfield(L, LUA_REGISTRYINDEX, "uv_handle");
    lua_pushnil(L);
    while (lua_next(L, 3)) {
        lua_pop(L, 1);
        lua_getfield(L, -1, "__index");
        disarm_table(L);
    }
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, "luv");
    if (lua_istable(L, -1))
        disarm_table(L);
    return 0;
}

/* Disarms luv: the loop only closes from now on, so anything that a finalizer starts in it would
 * never end. */
static void disarm(lua_State *L)
{
    if (zl_vm_call(L, disarm_protected, NULL) != 0)
        lua_pop(L, 1);
}

/* --- opening --------------------------------------------------------------------------------- */

/* uv.loop_close(): refused, the host owns the loop */
static int loop_close(lua_State *L)
{
    lua_pushnil(L);
    lua_pushliteral(L, "EBUSY: the loop is closed when the script ends");
    lua_pushliteral(L, "EBUSY");
    return 3;
}

/* uv.run(mode): raises after a callback has failed */
static int run(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    if (!zl_generation_may_run(zl_lua_generation(L)))
        return luaL_error(L, ZL_REFUSAL);
    return lua_gettop(L);
}

/* Adapts the module at the top to the host. */
static void adapt(lua_State *L)
{
    lua_pushcfunction(L, loop_close);
    lua_setfield(L, -2, "loop_close");
    lua_getfield(L, -1, "run");
    lua_pushcclosure(L, run, 1);
    lua_setfield(L, -2, "run");
    zl_luv_share_servers(L);
}

static int open_protected(lua_State *L)
{
    luaopen_luv(L);
    adapt(L);
    return 1;
}

/* Descriptors that luv's loop opens: without them libuv aborts or luv crashes. */
enum { LUV_DESCRIPTORS = 6 };

/* luv runs its callbacks in the state that opens it: this must be the main one, not a coroutine. */
int zl_open_luv(lua_State *L)
{
    struct zl_generation *generation = zl_lua_live(L);
    struct zl_host *host = generation->host;
    lua_State *main_state = generation->group.L;
    char why[ZL_WHY_MAX];
    if (!zl_limits_headroom(LUV_DESCRIPTORS, why)) {
        lua_pushstring(L, why);
        return lua_error(L);
    }
    zl_loop_engage(zl_loop_of(host));
    if (!generation->luv_loop)
        generation->luv_loop = zl_luv_loop_new(&host->luv_loops, host->sched->uv, why);
    if (!generation->luv_loop)
        return luaL_error(L, "%s", why);
    generation->disarm = disarm;
    luv_set_callback(main_state, call_back);
    luv_set_loop(main_state, &generation->luv_loop->inner);
    lua_pushcfunction(main_state, open_protected);
    int outcome = lua_pcall(main_state, 0, 1, 0);
    if (main_state != L)
        lua_xmove(main_state, L, 1);
    return outcome == 0 ? 1 : lua_error(L);
}
