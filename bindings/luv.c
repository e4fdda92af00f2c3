/* SPDX-License-Identifier: MIT */
/* luv for scripts. It makes a loop of its own, which goes with the lua_State; the host nests that
 * loop in its own. Callbacks run outside any task, and an error in one ends the script as an error
 * in a task does. */
#include <luv/luv.h>

#include "bindings/luasup.h"
#include "runtime/context.h"
#include "runtime/generation.h"
#include "runtime/log.h"
#include "runtime/runaway.h"

/* luv's protocol (luv.h): pops the function and its arguments, pushes the results; their number, or
 * a negative number after an error. */
static int call_back(lua_State *L, int arguments, int results, int flags)
{
    struct zl_generation *generation = zl_lua_generation(L);
    struct zl_loop *loop = generation->loop;
    struct zl_task *interrupted = loop->current;
    (void)flags;
    if (generation->failed || (generation->nested && generation->nested->closing)) {
        lua_pop(L, arguments + 1);
        return -LUA_ERRRUN;
    }
    int before = lua_gettop(L) - arguments - 1;
    lua_pushcfunction(L, zl_vm_add_traceback);
    lua_insert(L, before + 1);
    loop->current = &loop->outside;
    lua_State *around = zl_runaway_enter(generation->L);
    zl_runaway_beat(); /* uv.run called this one: the script has come back to it */
    int outcome = lua_pcall(L, arguments, results, before + 1);
    zl_runaway_beat();
    zl_runaway_leave(around);
    loop->current = interrupted;
    if (outcome != 0) {
        zl_generation_failed(generation, NULL, lua_tostring(L, -1));
        lua_settop(L, before);
        return -outcome;
    }
    lua_remove(L, before + 1);
    return results == LUA_MULTRET ? lua_gettop(L) - before : results;
}

static int close_handle(lua_State *L)
{
    lua_getfield(L, 1, "is_closing");
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    if (lua_toboolean(L, -1))
        return 0;
    lua_getfield(L, 1, "close");
    lua_pushvalue(L, 1);
    lua_call(L, 1, 0);
    return 0;
}

/* What uv.walk and uv.run do for a script; the callbacks of what ends now are not called. luv's own
 * way, in lua_close, comes after the handles were collected, and crashes over some (luv 1.44). */
static int close_handles(lua_State *L)
{
    struct zl_generation *generation = lua_touserdata(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, "luv");
    if (!lua_istable(L, -1))
        return 0;
    lua_getfield(L, -1, "walk");
    lua_pushcfunction(L, close_handle);
    lua_call(L, 1, 0);
    generation->nested->closing = true;
    lua_getfield(L, -1, "run");
    lua_call(L, 0, 0);
    return 0;
}

static void close_luv(void *world)
{
    struct zl_generation *generation = world;
    if (zl_vm_call(generation->L, close_handles, generation) != 0)
        lua_pop(generation->L, 1);
    generation->nested->closing = true;
}

/* What luv's loop opens: with less libuv aborts, or luv crashes. */
enum { LUV_DESCRIPTORS = 6 };

/* luv keeps the state that opens it for its callbacks: that must be the main one, no coroutine. */
int zl_open_luv(lua_State *L)
{
    struct zl_generation *generation = zl_lua_generation(L);
    struct zl_loop *loop = generation->loop;
    lua_State *main_state = generation->L;
    char why[ZL_WHY_MAX];
    if (!zl_context_headroom(LUV_DESCRIPTORS, why)) {
        lua_pushstring(L, why);
        return lua_error(L);
    }
    zl_loop_engage(loop);
    luv_set_callback(main_state, call_back);
    lua_pushcfunction(main_state, luaopen_luv);
    int outcome = lua_pcall(main_state, 0, 1, 0);
    if (main_state != L)
        lua_xmove(main_state, L, 1);
    if (outcome != 0)
        return lua_error(L);
    generation->nested = zl_nested_start(&loop->uv, luv_loop(main_state), close_luv, generation);
    if (!generation->nested)
        return luaL_error(L, "luv's loop cannot be nested in the host's");
    return 1;
}
