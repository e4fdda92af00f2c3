/* SPDX-License-Identifier: MIT */
/* What the unit tests of tasks share: what their Lua text can call, and a test in the place of the
 * layers above. */
#pragma once

#include "spec/c/tasks.h"

#include "runtime/base/clock.h"

static struct zl_sched sched;
static struct zl_task outside;
static struct tasks tasks;
static struct zl_task_list queue;
static const struct zl_task *has_something; /* the task that has something in hand */
static bool only_finishing;                 /* the others are left at rest */

/* --- what the tasks of the tests can do ------------------------------------------------------ */

static inline int lua_note(lua_State *L)
{
    note(lua_tostring(L, 1));
    return 0;
}

/* wait(milliseconds or nil, front): until it is woken in `queue`; returns a key of `why`. */
static inline int lua_wait(lua_State *L)
{
    uint64_t deadline = lua_isnoneornil(L, 1) ? 0 : zl_clock_in_ms((uint64_t)lua_tointeger(L, 1));
    zl_task_wait(sched.current, &queue, lua_toboolean(L, 2), deadline);
    return lua_yield(L, 0);
}

/* A wait that turns out to be impossible. */
static inline int lua_wait_in_vain(lua_State *L)
{
    zl_task_wait(sched.current, &queue, false, zl_clock_in_ms(1));
    zl_task_unwait(sched.current);
    lua_pushboolean(L, TAILQ_EMPTY(&queue) && sched.current->status == ZL_TASK_RUNNING);
    return 1;
}

static inline int lua_pause(lua_State *L)
{
    zl_task_pause(sched.current);
    return lua_yield(L, 0);
}

static inline int lua_join(lua_State *L)
{
    struct zl_task *task = lua_touserdata(L, 1);
    zl_task_wait(sched.current, &task->joiners, false, 0);
    return lua_yield(L, 0);
}

/* --- what the layers above would say --------------------------------------------------------- */

static inline bool has_work(const struct zl_task *task)
{
    return task == has_something;
}

static inline bool may_run(const struct zl_task *task)
{
    return !only_finishing || !zl_task_at_rest(task);
}

static inline bool is_crowded(const struct zl_group *group)
{
    return group->live > 1;
}

static inline void spawned(struct zl_task *child, const struct zl_task *parent)
{
    (void)child;
    note(parent == &outside ? "spawned-outside" : "spawned-by-a-task");
}

static inline void ended(struct zl_task *task)
{
    if (task != &outside)
        note(task->status == ZL_TASK_DONE ? "done" : "over");
}

static inline void failed(struct zl_task *task, const char *message)
{
    note(message ? message : lua_tostring(task->co, -1));
}

static const struct zl_task_ops ops = {0, has_work, may_run, is_crowded, spawned, ended, failed};

/* The table `why`: what a wait ends with, in words. */
static inline void name_reasons(lua_State *L)
{
    static const char *const names[] = {[ZL_WAKE_READY] = "ready",
                                        [ZL_WAKE_TIMEOUT] = "timeout",
                                        [ZL_WAKE_STOPPING] = "stopping",
                                        [ZL_WAKE_CANCELLED] = "cancelled"};
    lua_newtable(L);
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        lua_pushstring(L, names[i]);
        lua_rawseti(L, -2, i);
    }
    lua_setglobal(L, "why");
}

static inline int setup(void **state)
{
    static const struct luaL_Reg functions[] = {{"note", lua_note},
                                                {"wait", lua_wait},
                                                {"pause", lua_pause},
                                                {"join", lua_join},
                                                {"wait_in_vain", lua_wait_in_vain},
                                                {NULL, NULL}};
    (void)state;
    memset(&sched, 0, sizeof sched);
    memset(&outside, 0, sizeof outside);
    memset(&tasks, 0, sizeof tasks);
    has_something = NULL;
    only_finishing = false;
    TAILQ_INIT(&queue);
    tasks_open(&tasks, &sched, &ops, &outside);
    for (const struct luaL_Reg *each = functions; each->name; each++)
        lua_register(tasks.group.L, each->name, each->func);
    name_reasons(tasks.group.L);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    tasks_close(&tasks);
    return 0;
}

/* What was noted since the last call. */
static inline void assert_heard(const char *wanted)
{
    assert_string_equal(heard, wanted);
    heard[0] = '\0';
}

/* Spawns one whose results nobody asks for, and forgets that it was noted. */
static inline struct zl_task *begin(const char *text)
{
    struct zl_task *task = launch(&tasks, text);
    heard[0] = '\0';
    return task;
}

static inline void wake_first(enum zl_wake wake)
{
    zl_task_wake(TAILQ_FIRST(&queue), wake);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
