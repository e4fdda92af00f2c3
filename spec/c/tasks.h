/* SPDX-License-Identifier: MIT */
/* What unit tests of tasks share: a scheduler whose tasks are Lua text, run without the loop.
 * It stands for cmocka.h and what that wants before it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <uv.h>

#include "runtime/base/log.h"
#include "runtime/sched/sched.h"
#include "runtime/sched/task.h"

#include <cmocka.h>

struct tasks {
    struct zl_group group;
    uv_loop_t uv;
    uv_async_t interrupt; /* base/timers.h wakes the loop with it */
};

/* What was noted and logged, each with a space (a line's end) behind it. */
static char heard[4096], logged[16384];

static inline void append(char *text, size_t room, const char *more, size_t size)
{
    size_t used = strlen(text);
    assert_true(used + size + 2 < room);
    memcpy(text + used, more, size);
    text[used + size] = '\0';
}

static inline void note(const char *text)
{
    append(heard, sizeof heard, text, strlen(text));
    append(heard, sizeof heard, " ", 1);
}

static inline bool keep_record(void *world, const struct zl_record *record)
{
    (void)world;
    append(logged, sizeof logged, record->message, record->size);
    append(logged, sizeof logged, "\n", 1);
    return true;
}

static inline void assert_logged(const char *text)
{
    zl_log_flush();
    if (!strstr(logged, text))
        fail_msg("not in the log: %s\n%s", text, logged);
}

/* `task` stands for code outside any task. */
static inline void tasks_open(struct tasks *tasks, struct zl_sched *sched,
                              const struct zl_task_ops *ops, struct zl_task *outside)
{
    heard[0] = logged[0] = '\0';
    zl_log_set_sink(keep_record, NULL);
    assert_int_equal(uv_loop_init(&tasks->uv), 0);
    uv_async_init(&tasks->uv, &tasks->interrupt, NULL);
    tasks->uv.data = &tasks->interrupt;
    zl_sched_init(sched, &tasks->uv, ops, outside);
    zl_task_init_outside(outside, sched);
    zl_group_init(&tasks->group, sched);
    tasks->group.L = luaL_newstate();
    assert_non_null(tasks->group.L);
    luaL_openlibs(tasks->group.L);
    tasks->group.life = ZL_SERVING;
    tasks->group.serial = 1;
    sched->group = &tasks->group;
}

static inline void tasks_close(struct tasks *tasks)
{
    zl_task_drop_all(&tasks->group);
    lua_close(tasks->group.L);
    uv_close((uv_handle_t *)&tasks->interrupt, NULL);
    uv_run(&tasks->uv, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&tasks->uv), 0);
    zl_log_flush();
    zl_log_set_sink(NULL, NULL);
}

/* A ready task that runs the text. The reference is the caller's. */
static inline struct zl_task *spawn(struct tasks *tasks, const char *text)
{
    lua_State *L = tasks->group.L;
    if (luaL_loadbuffer(L, text, strlen(text), "=test") != 0)
        fail_msg("%s", lua_tostring(L, -1));
    return zl_task_spawn(&tasks->group, L, 0);
}

/* One whose results nobody asks for. */
static inline struct zl_task *launch(struct tasks *tasks, const char *text)
{
    struct zl_task *task = spawn(tasks, text);
    zl_task_disown(task);
    return task;
}

/* The task that runs next need not pause, on a busy machine either. */
static inline void give_time(struct zl_sched *sched)
{
    zl_sched_begin_slice(sched, (int64_t)60 * 1000000000);
}

/* Runs tasks as the loop does, until none is ready. */
static inline void run_ready(struct tasks *tasks)
{
    struct zl_sched *sched = tasks->group.sched;
    struct zl_task *task;
    while ((task = TAILQ_FIRST(&tasks->group.ready))) {
        TAILQ_REMOVE(&tasks->group.ready, task, link);
        give_time(sched);
        if (sched->ops->may_run(task))
            zl_task_resume(task);
        else
            zl_task_rest(task);
    }
}

/* The same, and sleeps until a task is ready. */
static inline void run_next(struct tasks *tasks)
{
    while (TAILQ_EMPTY(&tasks->group.ready))
        uv_run(&tasks->uv, UV_RUN_ONCE);
    run_ready(tasks);
}
