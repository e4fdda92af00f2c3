/* SPDX-License-Identifier: MIT */
/* See task.h. The life of a task: spawned (ready) -> running -> waiting -> ready -> ... -> ended. A
 * wait is a yield out of the coroutine to zl_task_resume; what woke it is handed in when it is
 * resumed. */
#include "runtime/sched/task.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/socket/reply.h"
#include "runtime/script/generation.h"
#include "runtime/socket/delivery.h"
#include "runtime/loop.h"
#include "runtime/sched/runaway.h"
#include "runtime/socket/socket.h"
#include "runtime/script/vm.h"

/* The start of a script has more time than a turn; messages wait meanwhile. */
enum { FIRST_SLICE_NS = 200000000 };

/* --- sets of sockets ------------------------------------------------------------------------- */

static int set_find(const struct zl_socket_set *set, const struct zl_socket *socket)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->items[i] == socket)
            return (int)i;
    return -1;
}

static bool set_add(struct zl_socket_set *set, struct zl_socket *socket)
{
    if (set_find(set, socket) >= 0)
        return false;
    struct zl_socket **items = realloc(set->items, (set->count + 1) * sizeof *items);
    if (!items)
        return false;
    set->items = items;
    set->items[set->count++] = socket;
    zl_socket_ref_weak(socket);
    return true;
}

/* Forgets those from the one at `begin` on. */
static void set_cut(struct zl_socket_set *set, unsigned begin)
{
    while (set->count > begin)
        zl_socket_unref_weak(set->items[--set->count]);
}

static void set_fini(struct zl_socket_set *set)
{
    set_cut(set, 0);
    free(set->items);
    set->items = NULL;
}

/* One whose socket is closed counts no more. */
bool zl_task_is_handling(const struct zl_task *task, const struct zl_socket *asked)
{
    if (task->inherited || zl_exchange_owes(task))
        return true;
    if (!task->held || task->held == asked)
        return false;
    if (task->held->zmq)
        return true;
    for (unsigned i = 0; i < task->also_held.count && task->also_held.items[i] != asked; i++)
        if (task->also_held.items[i]->zmq)
            return true;
    return false;
}

/* --- life ------------------------------------------------------------------------------------ */

/* "worker.lua:12" of the function at `index`. The text is anchored in the registry, for as long as
 * the state lives. */
static const char *function_line(lua_State *L, int index)
{
    lua_Debug info;
    lua_pushvalue(L, index);
    lua_getinfo(L, ">S", &info);
    const char *line = info.linedefined > 0
                           ? lua_pushfstring(L, "%s:%d", info.short_src, info.linedefined)
                           : lua_pushfstring(L, "%s", info.short_src);
    lua_pushvalue(L, -1);
    lua_rawget(L, LUA_REGISTRYINDEX);
    bool known = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (known) {
        lua_pop(L, 1);
        return line;
    }
    lua_pushboolean(L, 1);
    lua_rawset(L, LUA_REGISTRYINDEX);
    return line;
}

struct zl_task *zl_task_spawn(struct zl_generation *generation, lua_State *L, int arguments)
{
    struct zl_loop *loop = generation->loop;
    const char *where = function_line(L, lua_gettop(L) - arguments);
    lua_State *co = lua_newthread(L);
    lua_insert(L, -(arguments + 2));
    if (!lua_checkstack(co, arguments + 1))
        luaL_error(L, "too many arguments for a task");
    lua_xmove(L, co, arguments + 1);
    int anchor = luaL_ref(L, LUA_REGISTRYINDEX);
    struct zl_task *task = calloc(1, sizeof *task);
    if (!task) {
        luaL_unref(L, LUA_REGISTRYINDEX, anchor);
        luaL_error(L, "not enough memory");
        return NULL;
    }
    task->loop = loop;
    task->generation = generation;
    task->co = co;
    task->anchor = anchor;
    task->references = 2;
    task->owned = true;
    task->where = where;
    task->inherited = zl_task_is_handling(loop->current, NULL);
    zl_hand_inherit(task, loop->current);
    task->finishing = loop->current->finishing;
    TAILQ_INIT(&task->joiners);
    TAILQ_INSERT_TAIL(&generation->tasks, task, all);
    TAILQ_INSERT_TAIL(&generation->ready, task, link);
    generation->live++;
    if (generation->live > 1)
        atomic_store_explicit(&loop->watchdog.crowded, true, memory_order_relaxed);
    return task;
}

static void unref(struct zl_task *task)
{
    if (--task->references == 0)
        free(task);
}

static void drop_coroutine(struct zl_task *task)
{
    if (task->co)
        luaL_unref(task->co, LUA_REGISTRYINDEX, task->anchor);
    task->co = NULL;
}

void zl_task_disown(struct zl_task *task)
{
    task->owned = false;
    if (task->status >= ZL_TASK_DONE)
        drop_coroutine(task);
    unref(task);
}

/* Out of its queue, with no timer running. */
static void leave_queue(struct zl_task *task)
{
    if (task->queue)
        TAILQ_REMOVE(task->queue, task, link);
    task->queue = NULL;
    if (task->deadline)
        uv_timer_stop(&task->timer);
    task->deadline = 0;
}

static void timer_closed(uv_handle_t *handle)
{
    unref(handle->data);
}

/* Everything an ended task no longer needs. Its results stay on its stack when somebody may ask. */
static void end(struct zl_task *task, enum zl_task_status status)
{
    struct zl_generation *generation = task->generation;
    task->status = status;
    zl_hand_release(task, NULL);
    zl_exchange_forget(task);
    if (task->had_turn)
        zl_socket_pass_turn(task);
    if (task->held)
        zl_socket_unref_weak(task->held);
    task->held = NULL;
    set_fini(&task->also_held);
    set_fini(&task->told);
    TAILQ_REMOVE(&generation->tasks, task, all);
    generation->live--;
    struct zl_task *joiner;
    while ((joiner = TAILQ_FIRST(&task->joiners))) {
        joiner->finishing |= task->finishing;
        zl_task_wake(joiner, ZL_WAKE_READY);
    }
    if (!task->owned || lua_gettop(task->co) == 0)
        drop_coroutine(task);
    if (task->timer_open)
        uv_close((uv_handle_t *)&task->timer, timer_closed);
    unref(task);
}

/* Whether somebody waits while a task runs. */
static bool is_crowded(const struct zl_generation *generation)
{
    return generation->live > 1 || generation->loop->socket_count > 0 ||
           zl_nested_alive(generation->nested);
}

bool zl_task_has_begun(const struct zl_task *task)
{
    return lua_status(task->co) == LUA_YIELD;
}

void zl_task_resume(struct zl_task *task)
{
    struct zl_loop *loop = task->loop;
    bool begun = zl_task_has_begun(task);
    int arguments = begun ? 1 : lua_gettop(task->co) - 1;
    if (begun) {
        lua_settop(task->co, 0);
        lua_pushinteger(task->co, task->wake);
    }
    task->status = ZL_TASK_RUNNING;
    loop->current = task;
    loop->hot.received = NULL; /* no message is on its way into Lua, whatever went wrong */
    atomic_fetch_add_explicit(&loop->watchdog.beats, 1, memory_order_relaxed);
    atomic_store_explicit(&loop->watchdog.crowded, is_crowded(task->generation),
                          memory_order_relaxed);
    atomic_store_explicit(&loop->watchdog.running, task->where, memory_order_relaxed);
    lua_State *before = zl_runaway_enter(task->generation->L);
    int outcome = lua_resume(task->co, arguments);
    zl_runaway_leave(before);
    atomic_store_explicit(&loop->watchdog.running, NULL, memory_order_relaxed);
    loop->current = &loop->outside;

    if (outcome == LUA_YIELD && task->status != ZL_TASK_RUNNING)
        return;
    if (outcome == 0) {
        end(task, ZL_TASK_DONE);
        return;
    }
    const char *message = outcome == LUA_YIELD ? "attempt to yield from outside a coroutine" : NULL;
    if (message || TAILQ_EMPTY(&task->joiners))
        zl_generation_failed(task->generation, task->co, message);
    if (task->generation->failed)
        zl_hand_set_aside(task, true);
    end(task, ZL_TASK_FAILED);
}

void zl_task_run_first(struct zl_task *task)
{
    TAILQ_REMOVE(&task->generation->ready, task, link);
    zl_loop_begin_slice(task->loop, FIRST_SLICE_NS);
    zl_task_resume(task);
}

bool zl_task_is_receiving(const struct zl_task *task)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &task->loop->sockets, all)
    {
        if (task->queue == &socket->lanes[ZL_IN].waiters && socket->pattern->hands_out)
            return true;
    }
    return false;
}

void zl_task_drop_all(struct zl_generation *generation)
{
    struct zl_task *task;
    zl_exchange_forget(&generation->loop->outside);
    while ((task = TAILQ_FIRST(&generation->tasks))) {
        if (task->status == ZL_TASK_WAITING)
            leave_queue(task);
        if (task->status == ZL_TASK_READY)
            TAILQ_REMOVE(&generation->ready, task, link);
        end(task, ZL_TASK_FAILED);
    }
}

/* --- waiting --------------------------------------------------------------------------------- */

/* libuv counts whole milliseconds: rounded up, so that no wait ends early. */
static void timer_due(uv_timer_t *timer)
{
    zl_task_wake(timer->data, ZL_WAKE_TIMEOUT);
}

static void start_timer(struct zl_task *task)
{
    uv_loop_t *uv = &task->loop->uv;
    if (!task->timer_open) {
        uv_timer_init(uv, &task->timer);
        task->timer.data = task;
        task->timer_open = true;
        task->references++;
    }
    uv_update_time(uv);
    uint64_t due = (task->deadline + 999999) / 1000000;
    uint64_t now = uv_now(uv);
    uv_timer_start(&task->timer, timer_due, due > now ? due - now : 0, 0);
}

void zl_task_wait(struct zl_task *task, struct zl_task_list *queue, bool front, uint64_t deadline)
{
    task->status = ZL_TASK_WAITING;
    task->queue = queue;
    task->deadline = deadline;
    task->has_reply = false;
    if (queue && front)
        TAILQ_INSERT_HEAD(queue, task, link);
    else if (queue)
        TAILQ_INSERT_TAIL(queue, task, link);
    if (deadline)
        start_timer(task);
}

void zl_task_unwait(struct zl_task *task)
{
    if (task->status == ZL_TASK_READY)
        TAILQ_REMOVE(&task->generation->ready, task, link);
    else
        leave_queue(task);
    task->status = ZL_TASK_RUNNING;
}

void zl_task_pause(struct zl_task *task)
{
    task->status = ZL_TASK_READY;
    task->wake = ZL_WAKE_READY;
    TAILQ_INSERT_TAIL(&task->generation->ready, task, link);
}

void zl_task_rest(struct zl_task *task)
{
    task->status = ZL_TASK_WAITING;
    task->queue = &task->generation->resting;
    TAILQ_INSERT_TAIL(task->queue, task, link);
}

void zl_task_wake(struct zl_task *task, enum zl_wake wake)
{
    if (task->status != ZL_TASK_WAITING)
        return;
    leave_queue(task);
    zl_task_pause(task);
    task->wake = wake;
}

/* --- the message in hand --------------------------------------------------------------------- */

/* What came after the message of the receiver that is asked again was received to handle that one,
 * and is handled with it. */
static void let_go(struct zl_task *task, const struct zl_socket *socket)
{
    int i = task->held == socket ? 0 : set_find(&task->also_held, socket);
    if (i < 0)
        return;
    set_cut(&task->also_held, (unsigned)i);
    if (task->held == socket) {
        task->held = NULL;
        zl_socket_unref_weak((struct zl_socket *)socket);
    }
}

void zl_task_hold(struct zl_task *task, struct zl_socket *socket)
{
    if (task == &task->loop->outside)
        return;
    let_go(task, socket);
    if (task->held) {
        set_add(&task->also_held, socket);
        return;
    }
    task->held = socket;
    zl_socket_ref_weak(socket);
}

void zl_task_release(struct zl_task *task, struct zl_socket *socket)
{
    if (task->grips)
        zl_hand_release(task, socket);
    let_go(task, socket);
}

bool zl_task_tell(struct zl_task *task, struct zl_socket *socket)
{
    task->finishing = true;
    return set_add(&task->told, socket);
}

void zl_task_line(const struct zl_task *task, char *out, size_t size)
{
    lua_Debug info;
    for (int level = 0; task->co && lua_getstack(task->co, level, &info); level++) {
        lua_getinfo(task->co, "Sl", &info);
        if (info.currentline > 0 && !zl_vm_is_embedded(info.short_src)) {
            snprintf(out, size, "%s:%d", info.short_src, info.currentline);
            return;
        }
    }
    snprintf(out, size, "%s", task->where);
}

bool zl_task_at_rest(const struct zl_task *task)
{
    return task->status != ZL_TASK_RUNNING && !task->finishing && !task->has_reply &&
           !zl_task_is_handling(task, NULL);
}
