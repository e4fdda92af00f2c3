/* SPDX-License-Identifier: MIT */
/* Tasks and every kind of wait, as the primitives that lua/zeroless/ is written on. A wait
 * registers the running task and yields the token `core.WAIT`; coroutines in between pass it on
 * (lua/zeroless/coroutine.lua). It gives back why it ended: enum zl_wake, or one of NOT_HERE. */
#include <stdio.h>
#include <string.h>

#include "bindings/luasup.h"
#include "runtime/base/clock.h"
#include "runtime/script/generation.h"
#include "runtime/socket/inflight.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/work.h"

static char wait_token;

/* No wait has taken place: a C function stands between here and the task; there is no task; the
 * task to join waits for the one that runs. */
enum { ZL_NOT_ACROSS_C = -1, ZL_NOT_IN_TASK = -2, ZL_CIRCLE = -3 };

static struct zl_task *check_task(lua_State *L, int index)
{
    return *(struct zl_task **)luaL_checkudata(L, index, ZL_TASK_CLASS);
}

/* --- waiting --------------------------------------------------------------------------------- */

/* 0 when the running code may wait. */
static int cannot_wait(lua_State *L, const struct zl_sched *sched)
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

/* A moment in seconds on the clock of zeroless.now, or nil for none, as zl_task_wait takes it. */
static uint64_t opt_deadline(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return 0;
    double seconds = luaL_checknumber(L, index);
    return seconds > 0 && seconds < 1e10 ? (uint64_t)(seconds * 1e9) : seconds >= 1e10 ? 0 : 1;
}

/* core.wait(object, direction, deadline): until the socket may be ready in that direction. The
 * reply to a request has a deadline of its pattern, too. */
static int core_wait(lua_State *L)
{
    struct zl_sched *sched = zl_lua_live(L)->group.sched;
    struct zl_handle *handle = lua_touserdata(L, 1);
    enum zl_direction direction = lua_tointeger(L, 2) == ZL_OUT ? ZL_OUT : ZL_IN;
    uint64_t deadline = opt_deadline(L, 3);
    int reason = cannot_wait(L, sched);
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

/* core.sleep(deadline): until then, or until core.cancel; core.sleep(): others run first */
static int core_sleep(lua_State *L)
{
    struct zl_sched *sched = zl_lua_live(L)->group.sched;
    uint64_t deadline = opt_deadline(L, 1);
    int reason = cannot_wait(L, sched);
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

/* Whether the task waits, itself or by those that it joins, for the end of `other`, and for ever.
 */
static bool waits_for(const struct zl_task *task, const struct zl_task *other)
{
    while (task && task != other && task->deadline == 0)
        task = task->joined;
    return task == other;
}

/* core.join(task, deadline): until the task has ended */
static int core_join(lua_State *L)
{
    struct zl_sched *sched = zl_lua_live(L)->group.sched;
    struct zl_task *task = check_task(L, 1);
    uint64_t deadline = opt_deadline(L, 2);
    int reason = cannot_wait(L, sched);
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

/* core.unwait(): the token cannot be passed on; the wait is off */
static int core_unwait(lua_State *L)
{
    zl_task_unwait(zl_lua_generation(L)->group.sched->current);
    lua_pushinteger(L, ZL_NOT_ACROSS_C);
    return 1;
}

/* coroutine.running(): nil in a task's own coroutine, as in the main one of luajit */
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

/* core.told(receiver): the receiver says "stopping" to the running task. A task that asks the same
 * receiver again has been told before: it is not going to end for that, and is resumed no more. A
 * function of on_stop, which runs last, goes on after the others had a turn. */
static int core_told(lua_State *L)
{
    struct zl_sched *sched = zl_lua_generation(L)->group.sched;
    struct zl_handle *receiver = zl_lua_check_handle(L, 1, zl_receiver_class);
    if (sched->current == sched->outside || zl_inflight_note_stop(sched->current, receiver->socket))
        return 0;
    bool is_last = sched->phase == ZL_CALLBACKS;
    if (!is_last)
        sched->current->finishing = zl_work_of(sched->current)->inherited = false;
    if (cannot_wait(L, sched) != 0)
        return 0;
    if (is_last)
        zl_task_pause(sched->current);
    else
        zl_task_wait(sched->current, NULL, false, 0);
    return yield_token(L);
}

/* --- tasks ----------------------------------------------------------------------------------- */

/* core.spawn(f, ...), core.spawn_detached(f, ...): the latter does not count as handling the
 * message that the running task has in hand */
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

/* core.results(task): what the function of an ended task returned; nil, error of a failed one */
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

/* core.beat(): when the script was first started, and since when the generation before has been at
 * rest; nothing in the first one, nor once this one serves */
static int core_beat(lua_State *L)
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

/* core.on_stop(f): f runs as a task when the others have come to rest, and those given before have
 * ended */
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
        {"told", core_told},
        {"spawn", core_spawn},
        {"spawn_detached", core_spawn_detached},
        {"results", core_results},
        {"is_current", core_is_current},
        {"now", core_now},
        {"beat", core_beat},
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
