/* SPDX-License-Identifier: MIT */
/* See task.h. The life of a task: spawned (ready) -> running -> waiting -> ready -> ... -> ended. A
 * wait yields out of the coroutine to zl_task_resume, whose argument to the resumed coroutine is
 * the reason for the wake-up. */
#include "runtime/sched/task.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/embedded.h"
#include "runtime/base/timers.h"
#include "runtime/sched/runaway.h"
#include "runtime/sched/sched.h"

/* A starting script has more time than a usual turn; messages wait meanwhile. */
enum { FIRST_SLICE_NS = 200000000 };

/* --- life ------------------------------------------------------------------------------------ */

void zl_task_init_outside(struct zl_task *task, struct zl_sched *sched)
{
    task->sched = sched;
    task->status = ZL_TASK_RUNNING;
}

/* Finds a function of the script among the values from `index` on. */
static bool find_function(lua_State *L, int index, lua_Debug *info)
{
    for (; index <= lua_gettop(L); index++) {
        if (!lua_isfunction(L, index) || lua_iscfunction(L, index))
            continue;
        lua_pushvalue(L, index);
        lua_getinfo(L, ">S", info);
        info->currentline = info->linedefined;
        if (!zl_embedded_has_file(info->short_src))
            return true;
    }
    return false;
}

/* Finds the line of the script at which the code of L is. */
static bool find_line(lua_State *L, lua_Debug *info)
{
    for (int level = 0; lua_getstack(L, level, info); level++) {
        lua_getinfo(L, "Sl", info);
        if (info->currentline > 0 && !zl_embedded_has_file(info->short_src))
            return true;
    }
    return false;
}

/* Returns zl_task.where for the function at `index`, whose arguments follow it: a text anchored in
 * the registry for the life of the state. */
static const char *function_line(lua_State *L, int index)
{
    lua_Debug info;
    if (!find_function(L, index, &info) && !find_line(L, &info)) {
        lua_pushvalue(L, index);
        lua_getinfo(L, ">S", &info);
        info.currentline = info.linedefined;
    }
    const char *line = info.currentline > 0
                           ? lua_pushfstring(L, "%s:%d", info.short_src, info.currentline)
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

struct zl_task *zl_task_spawn(struct zl_group *group, lua_State *L, int arguments)
{
    struct zl_sched *sched = group->sched;
    const char *where = function_line(L, lua_gettop(L) - arguments);
    lua_State *co = lua_newthread(L);
    lua_insert(L, -(arguments + 2));
    if (!lua_checkstack(co, arguments + 1))
        luaL_error(L, "too many arguments for a task");
    lua_xmove(L, co, arguments + 1);
    int anchor = luaL_ref(L, LUA_REGISTRYINDEX);
    struct zl_task *task = calloc(1, sizeof *task + sched->ops->size);
    if (!task) {
        luaL_unref(L, LUA_REGISTRYINDEX, anchor);
        luaL_error(L, "not enough memory");
        return NULL;
    }
    task->sched = sched;
    task->group = group;
    task->co = co;
    task->anchor = anchor;
    task->references = 2;
    task->owned = true;
    task->where = where;
    task->finishing = sched->current->finishing;
    sched->ops->spawned(task, sched->current);
    TAILQ_INIT(&task->joiners);
    TAILQ_INSERT_TAIL(&group->tasks, task, all);
    TAILQ_INSERT_TAIL(&group->ready, task, link);
    group->live++;
    if (group->live > 1)
        atomic_store_explicit(&sched->watchdog.crowded, true, memory_order_relaxed);
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

/* Removes the task from its queue and stops its timer. */
static void leave_queue(struct zl_task *task)
{
    if (task->queue)
        TAILQ_REMOVE(task->queue, task, link);
    task->queue = NULL;
    task->joined = NULL;
    if (task->deadline)
        uv_timer_stop(&task->timer);
    task->deadline = 0;
}

static void timer_closed(uv_handle_t *handle)
{
    unref(handle->data);
}

/* Ends a task. Its results stay on its stack while it is owned. */
static void end(struct zl_task *task, enum zl_task_status status)
{
    struct zl_group *group = task->group;
    struct zl_task *joiner;
    task->status = status;
    task->sched->ops->ended(task);
    TAILQ_REMOVE(&group->tasks, task, all);
    group->live--;
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

bool zl_task_has_begun(const struct zl_task *task)
{
    return lua_status(task->co) == LUA_YIELD;
}

/* Publishes the running task to the watchdog. */
static void publish(struct zl_sched *sched, const struct zl_task *task)
{
    struct zl_watchdog *watchdog = &sched->watchdog;
    atomic_fetch_add_explicit(&watchdog->beats, 1, memory_order_relaxed);
    atomic_store_explicit(&watchdog->crowded, sched->ops->is_crowded(task->group),
                          memory_order_relaxed);
    atomic_store_explicit(&watchdog->running, task->where, memory_order_relaxed);
}

void zl_task_resume(struct zl_task *task)
{
    struct zl_sched *sched = task->sched;
    bool begun = zl_task_has_begun(task);
    int arguments = begun ? 1 : lua_gettop(task->co) - 1;
    if (begun) {
        lua_settop(task->co, 0);
        lua_pushinteger(task->co, task->wake);
    }
    task->status = ZL_TASK_RUNNING;
    sched->current = task;
    publish(sched, task);
    lua_State *before = zl_runaway_enter(task->group->L);
    int outcome = lua_resume(task->co, arguments);
    zl_runaway_leave(before);
    atomic_store_explicit(&sched->watchdog.running, NULL, memory_order_relaxed);
    sched->current = sched->outside;

    if (outcome == LUA_YIELD && task->status != ZL_TASK_RUNNING)
        return;
    if (outcome == 0) {
        end(task, ZL_TASK_DONE);
        return;
    }
    sched->ops->failed(task,
                       outcome == LUA_YIELD ? "attempt to yield from outside a coroutine" : NULL);
    end(task, ZL_TASK_FAILED);
}

void zl_task_run_first(struct zl_task *task)
{
    TAILQ_REMOVE(&task->group->ready, task, link);
    zl_sched_begin_slice(task->sched, FIRST_SLICE_NS);
    zl_task_resume(task);
}

void zl_task_drop_all(struct zl_group *group)
{
    struct zl_task *task;
    group->sched->ops->ended(group->sched->outside);
    while ((task = TAILQ_FIRST(&group->tasks))) {
        if (task->status == ZL_TASK_WAITING)
            leave_queue(task);
        if (task->status == ZL_TASK_READY)
            TAILQ_REMOVE(&group->ready, task, link);
        end(task, ZL_TASK_FAILED);
    }
}

/* --- waiting --------------------------------------------------------------------------------- */

static void timer_due(uv_timer_t *timer)
{
    zl_task_wake(timer->data, ZL_WAKE_TIMEOUT);
}

static void start_timer(struct zl_task *task)
{
    uv_loop_t *uv = task->sched->uv;
    if (!task->timer_open) {
        uv_timer_init(uv, &task->timer);
        task->timer.data = task;
        task->timer_open = true;
        task->references++;
    }
    zl_timers_start(&task->timer, timer_due, task->deadline);
}

void zl_task_wait(struct zl_task *task, struct zl_task_list *queue, bool front, uint64_t deadline)
{
    task->status = ZL_TASK_WAITING;
    task->queue = queue;
    task->deadline = deadline;
    task->is_busy = false;
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
        TAILQ_REMOVE(&task->group->ready, task, link);
    else
        leave_queue(task);
    task->status = ZL_TASK_RUNNING;
}

void zl_task_pause(struct zl_task *task)
{
    task->status = ZL_TASK_READY;
    task->wake = ZL_WAKE_READY;
    TAILQ_INSERT_TAIL(&task->group->ready, task, link);
}

void zl_task_rest(struct zl_task *task)
{
    task->status = ZL_TASK_WAITING;
    task->queue = &task->group->resting;
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

void zl_task_line(const struct zl_task *task, char *out, size_t size)
{
    lua_Debug info;
    if (task->co && find_line(task->co, &info))
        snprintf(out, size, "%s:%d", info.short_src, info.currentline);
    else
        snprintf(out, size, "%s", task->where);
}

bool zl_task_at_rest(const struct zl_task *task)
{
    return task->status != ZL_TASK_RUNNING && !task->finishing && !task->is_busy &&
           !task->sched->ops->has_work(task);
}

/* --- groups ---------------------------------------------------------------------------------- */

void zl_group_init(struct zl_group *group, struct zl_sched *sched)
{
    group->sched = sched;
    TAILQ_INIT(&group->ready);
    TAILQ_INIT(&group->tasks);
    TAILQ_INIT(&group->resting);
}

struct zl_task *zl_group_unfinished(const struct zl_group *group)
{
    struct zl_task *task;
    TAILQ_FOREACH(task, &group->tasks, all)
    {
        if (!zl_task_at_rest(task))
            return task;
    }
    return NULL;
}

void zl_group_wake_resting(struct zl_group *group)
{
    struct zl_task *task;
    while ((task = TAILQ_FIRST(&group->resting)))
        zl_task_wake(task, task->wake);
}

void zl_group_wake_finishing(struct zl_group *group)
{
    struct zl_task *next, *task = TAILQ_FIRST(&group->resting);
    for (; task; task = next) {
        next = TAILQ_NEXT(task, link);
        if (!zl_task_at_rest(task))
            zl_task_wake(task, task->wake);
    }
}
