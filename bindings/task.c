/* SPDX-License-Identifier: MIT */
/* Tasks and all waits: the primitives of lua/zeroless/. A wait registers the running task and
 * yields the token `core.WAIT`, which coroutines in between pass on (lua/zeroless/coroutine.lua).
 * It returns the reason it ended: enum zl_wake, or a negative code below. */
#include <stdio.h>
#include <string.h>

#include "bindings/luasup.h"
#include "runtime/base/clock.h"
#include "runtime/script/generation.h"
#include "runtime/socket/inflight.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/work.h"

static char wait_token;

/* No wait took place: a C function is between this code and its task; there is no task; the task to
 * join waits for the running one. */
enum { ZL_NOT_ACROSS_C = -1, ZL_NOT_IN_TASK = -2, ZL_CIRCLE = -3 };

static struct zl_task *check_task(lua_State *L, int index)
{
    return *(struct zl_task **)luaL_checkudata(L, index, ZL_TASK_CLASS);
}

/* --- waiting --------------------------------------------------------------------------------- */

/* 0 if the running code may wait; otherwise the reason why not. */
static int check_wait(lua_State *L, const struct zl_sched *sched)
{
    if (sched->current == sched->outside)
        return ZL_NOT_IN_TASK;
    return lua_isyieldable(L) ? 0 : ZL_NOT_ACROSS_C;
}

static int yield_token(lua_State *L)
{
    lua_pushlightuserdata(L, &wait_token);
    return lua_yield(L, 1);
}

/* Converts a time in seconds on zeroless.now's clock, or nil (none), for zl_task_wait. */
static uint64_t opt_deadline(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return 0;
    double seconds = luaL_checknumber(L, index);
    return seconds > 0 && seconds < 1e10 ? (uint64_t)(seconds * 1e9) : seconds >= 1e10 ? 0 : 1;
}

/* core.wait(object, direction, deadline): waits until the socket may be ready in that direction. A
 * wait for a reply also ends at the deadline of its request. */
static int core_wait(lua_State *L)
{
    struct zl_sched *sched = zl_lua_live(L)->group.sched;
    struct zl_handle *handle = lua_touserdata(L, 1);
    enum zl_direction direction = lua_tointeger(L, 2) == ZL_OUT ? ZL_OUT : ZL_IN;
    uint64_t deadline = opt_deadline(L, 3);
    int reason = check_wait(L, sched);
    if (reason != 0) {
        lua_pushinteger(L, reason);
        return 1;
    }
    uint64_t due = direction == ZL_IN ? handle->socket->request.deadline : 0;
    if (due && (!deadline || due < deadline))
        deadline = due;
    zl_waitq_wait(handle->socket, direction, deadline);
    return yield_token(L);
}

/* core.sleep(deadline): waits until the deadline or core.cancel; core.sleep(): lets others run */
static int core_sleep(lua_State *L)
{
    struct zl_sched *sched = zl_lua_live(L)->group.sched;
    uint64_t deadline = opt_deadline(L, 1);
    int reason = check_wait(L, sched);
    if (reason != 0) {
        lua_pushinteger(L, reason);
        return 1;
    }
    if (lua_isnoneornil(L, 1))
        zl_task_pause(sched->current);
    else
        zl_task_wait(sched->current, NULL, false, deadline);
    return yield_token(L);
}

/* Whether the task waits without a deadline for the end of `other`, itself or through the tasks
 * that it joins. */
static bool waits_for(const struct zl_task *task, const struct zl_task *other)
{
    while (task && task != other && task->deadline == 0)
        task = task->joined;
    return task == other;
}

/* core.join(task, deadline): waits until the task has ended */
static int core_join(lua_State *L)
{
    struct zl_sched *sched = zl_lua_live(L)->group.sched;
    struct zl_task *task = check_task(L, 1);
    uint64_t deadline = opt_deadline(L, 2);
    int reason = check_wait(L, sched);
    if (task->status >= ZL_TASK_DONE || reason != 0) {
        lua_pushinteger(L, reason);
        return 1;
    }
    if (deadline == 0 && waits_for(task, sched->current)) {
        lua_pushinteger(L, ZL_CIRCLE);
        return 1;
    }
    zl_task_wait(sched->current, &task->joiners, false, deadline);
    sched->current->joined = task;
    return yield_token(L);
}

/* core.unwait(): undoes a wait whose token cannot be passed on */
static int core_unwait(lua_State *L)
{
    zl_task_unwait(zl_lua_generation(L)->group.sched->current);
    lua_pushinteger(L, ZL_NOT_ACROSS_C);
    return 1;
}

/* coroutine.running(): nil in a task's own coroutine, as in luajit's main coroutine */
static int core_running(lua_State *L)
{
    bool is_main = lua_pushthread(L);
    if (is_main || L == zl_lua_generation(L)->group.sched->current->co)
        lua_pushnil(L);
    return 1;
}

/* core.cancel(task): ends the sleep of a task */
static int core_cancel(lua_State *L)
{
    struct zl_task *task = check_task(L, 1);
    if (!task->queue)
        zl_task_wake(task, ZL_WAKE_CANCELLED);
    return 0;
}

/* core.note_stop(receiver): the running task has received "stopping". A task that then calls the
 * same receiver again will not end on its own, and is not resumed any more. An on_stop function,
 * which runs last, continues after the others had a turn. */
static int core_note_stop(lua_State *L)
{
    struct zl_sched *sched = zl_lua_generation(L)->group.sched;
    struct zl_handle *receiver = zl_lua_check_handle(L, 1, zl_receiver_class);
    if (sched->current == sched->outside || zl_inflight_note_stop(sched->current, receiver->socket))
        return 0;
    bool is_last = sched->phase == ZL_CALLBACKS;
    if (!is_last)
        sched->current->finishing = zl_work_of(sched->current)->inherited = false;
    if (check_wait(L, sched) != 0)
        return 0;
    if (is_last)
        zl_task_pause(sched->current);
    else
        zl_task_wait(sched->current, NULL, false, 0);
    return yield_token(L);
}

/* --- tasks ----------------------------------------------------------------------------------- */

/* core.spawn(f, ...), core.spawn_detached(f, ...): a detached task does not inherit the deliveries
 * of the running task */
static int spawn(lua_State *L, bool inherits)
{
    struct zl_generation *generation = zl_lua_live(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    struct zl_task **box = zl_lua_new(L, ZL_TASK_CLASS, sizeof *box);
    lua_insert(L, 1);
    *box = zl_task_spawn(&generation->group, L, lua_gettop(L) - 2);
    zl_work_of(*box)->inherited &= inherits;
    return 1;
}

static int core_spawn(lua_State *L)
{
    return spawn(L, true);
}

static int core_spawn_detached(lua_State *L)
{
    return spawn(L, false);
}

/* core.results(task): the results of an ended task; nil and the error of a failed one */
static int core_results(lua_State *L)
{
    struct zl_task *task = check_task(L, 1);
    if (!task->co)
        return 0;
    if (task->status == ZL_TASK_FAILED) {
        lua_pushnil(L);
        lua_pushvalue(task->co, -1);
        lua_xmove(task->co, L, 1);
        return 2;
    }
    int count = lua_gettop(task->co);
    luaL_checkstack(L, count, "too many results");
    for (int i = 1; i <= count; i++)
        lua_pushvalue(task->co, i);
    lua_xmove(task->co, L, count);
    return count;
}

/* core.is_current(task) */
static int core_is_current(lua_State *L)
{
    lua_pushboolean(L, check_task(L, 1) == zl_lua_generation(L)->group.sched->current);
    return 1;
}

static int task_property(lua_State *L)
{
    static const char *const names[] = {"ready", "running", "waiting", "done", "failed"};
    struct zl_task *task = check_task(L, 1);
    const char *name = lua_tostring(L, 2);
    lua_pushnil(L);
    if (name && strcmp(name, "status") == 0)
        lua_pushstring(L, names[task->status]);
    return 1;
}

static int task__tostring(lua_State *L)
{
    struct zl_task *task = check_task(L, 1);
    lua_pushfstring(L, "task at %s", task->where);
    return 1;
}

static int task__gc(lua_State *L)
{
    struct zl_task **box = lua_touserdata(L, 1);
    if (*box)
        zl_task_disown(*box);
    *box = NULL;
    return 0;
}

/* --- the process ----------------------------------------------------------------------------- */

static int core_now(lua_State *L)
{
    lua_pushnumber(L, (double)zl_clock_now() / 1e9);
    return 1;
}

/* core.timer_origin(): while a reloaded script starts, the time the first generation started and
 * the time the previous one was parked; otherwise nothing */
static int core_timer_origin(lua_State *L)
{
    const struct zl_serving *reload = &zl_lua_loop(L)->reload;
    if (zl_lua_generation(L)->group.life != ZL_LOADING)
        return 0;
    lua_pushnumber(L, (double)reload->begun / 1e9);
    lua_pushnumber(L, (double)reload->attempt.begun[ZL_PARK] / 1e9);
    return 2;
}

/* core.stop(code) */
static int core_stop(lua_State *L)
{
    char cause[64];
    int code = (int)luaL_optinteger(L, 1, 0);
    zl_lua_refuse_in_attempt(L, "zeroless.stop");
    if (lua_isnoneornil(L, 1))
        snprintf(cause, sizeof cause, "zeroless.stop()");
    else
        snprintf(cause, sizeof cause, "zeroless.stop(%d)", code);
    zl_loop_stop(zl_loop_of(zl_lua_live(L)->host), code, cause);
    return 0;
}

/* core.on_stop(f): f runs as a task once the others are at rest and the functions registered before
 * have ended */
static int core_on_stop(lua_State *L)
{
    struct zl_generation *generation = zl_lua_live(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    if (generation->on_stop == LUA_NOREF) {
        lua_newtable(L);
        generation->on_stop = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, generation->on_stop);
    lua_insert(L, 1);
    lua_rawseti(L, 1, (int)lua_objlen(L, 1) + 1);
    generation->stops++;
    return 0;
}

/* core.on_reload(f): f is called when another generation has taken over */
static int core_on_reload(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    zl_lua_live(L)->on_reload = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

void zl_open_task(lua_State *L)
{
    static const luaL_Reg meta[] = {
        {"__gc", task__gc}, {"__tostring", task__tostring}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"wait", core_wait},
        {"sleep", core_sleep},
        {"join", core_join},
        {"unwait", core_unwait},
        {"running", core_running},
        {"cancel", core_cancel},
        {"note_stop", core_note_stop},
        {"spawn", core_spawn},
        {"spawn_detached", core_spawn_detached},
        {"results", core_results},
        {"is_current", core_is_current},
        {"now", core_now},
        {"timer_origin", core_timer_origin},
        {"stop", core_stop},
        {"on_stop", core_on_stop},
        {"on_reload", core_on_reload},
        {NULL, NULL},
    };
    static const struct {
        const char *name;
        int value;
    } constants[] = {
        {"READY", ZL_WAKE_READY},
        {"TIMEOUT", ZL_WAKE_TIMEOUT},
        {"STOPPING", ZL_WAKE_STOPPING},
        {"CANCELLED", ZL_WAKE_CANCELLED},
        {"NOT_ACROSS_C", ZL_NOT_ACROSS_C},
        {"NOT_IN_TASK", ZL_NOT_IN_TASK},
        {"CIRCLE", ZL_CIRCLE},
        {"IN", ZL_IN},
        {"OUT", ZL_OUT},
    };
    zl_lua_class(L, ZL_TASK_CLASS, NULL, meta, task_property);
    lua_setfield(L, -2, "task");
    luaL_register(L, NULL, functions);
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
        lua_pushinteger(L, constants[i].value);
        lua_setfield(L, -2, constants[i].name);
    }
    lua_pushlightuserdata(L, &wait_token);
    lua_setfield(L, -2, "WAIT");
}
