/* SPDX-License-Identifier: MIT */
/* Tasks: coroutines scheduled by the host. A task runs until it waits. Waking it appends it to its
 * group's ready queue. A task waits for one thing at a time. Everything here belongs to the loop's
 * thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

struct lua_State;
struct zl_group;
struct zl_sched;

TAILQ_HEAD(zl_task_list, zl_task);

enum zl_task_status {
    ZL_TASK_READY,
    ZL_TASK_RUNNING,
    ZL_TASK_WAITING,
    ZL_TASK_DONE,
    ZL_TASK_FAILED
};

/* Why a wait ended. */
enum zl_wake { ZL_WAKE_READY, ZL_WAKE_TIMEOUT, ZL_WAKE_STOPPING, ZL_WAKE_CANCELLED };

struct zl_task {
    struct zl_sched *sched;
    struct zl_group *group;
    struct lua_State *co; /* NULL once it has ended without results */
    int anchor;           /* registry reference that keeps `co` alive */
    int references;       /* the scheduler's until it ends, the userdata's, the timer's */
    enum zl_task_status status;
    enum zl_wake wake; /* why the last wait ended */
    bool finishing;    /* runs to its end even when the process stops */
    bool is_busy;      /* set by the layer above: has work until its next wait */
    bool owned;        /* its results may still be read */
    bool timer_open;
    struct zl_task_list *queue;   /* where it waits: a wait queue, `joiners`, `resting`, NULL */
    const struct zl_task *joined; /* the task whose end it waits for; NULL = none */
    TAILQ_ENTRY(zl_task) link;    /* in `queue` while waiting, in the ready queue when ready */
    TAILQ_ENTRY(zl_task) all;
    struct zl_task_list joiners;
    uint64_t deadline; /* of the wait, on zl_clock_now's clock; 0 = none */
    uv_timer_t timer;
    const char *where; /* "worker.lua:12", where its function is defined; for one of zlrun's own,
                          the function of the script passed to it, or the line that spawns it */
};

enum zl_life {
    ZL_LOADING, /* its main task has not waited yet; may still be rolled back */
    ZL_SERVING,
    ZL_PARKING, /* receivers return nothing, tasks finish their deliveries */
    ZL_PARKED   /* none of its tasks is resumed */
};

/* The tasks of one Lua state. */
struct zl_group {
    struct zl_sched *sched;
    struct lua_State *L; /* NULL once it is closed */
    enum zl_life life;
    unsigned serial; /* 1, 2, 3..., never reused */
    struct zl_task_list ready, tasks;
    struct zl_task_list resting; /* ready and at rest, while only unfinished tasks are resumed */
    unsigned live;               /* tasks that have not ended */
    bool failed;                 /* an uncaught error occurred: none of its tasks is resumed */
};

/* Decisions and callbacks of the layers above. One table for the process. */
struct zl_task_ops {
    size_t size; /* bytes of their own data behind each task, zeroed initially */

    /* Whether something would be lost if the task were never resumed. */
    bool (*has_work)(const struct zl_task *task);

    /* Whether a ready task is to run. When the process stops, or while its group is being parked, a
     * task at rest stays where it is. */
    bool (*may_run)(const struct zl_task *task);

    /* Whether anything else waits while a task of the group runs. */
    bool (*is_crowded)(const struct zl_group *group);

    void (*spawned)(struct zl_task *child, const struct zl_task *parent);
    void (*ended)(struct zl_task *task);

    /* The task has failed with the error value at the top of its coroutine, or with `message`
     * (NULL: none). Called before `ended`. */
    void (*failed)(struct zl_task *task, const char *message);
};

void zl_group_init(struct zl_group *group, struct zl_sched *sched);

/* The group's first task that is not at rest; NULL if all are. */
struct zl_task *zl_group_unfinished(const struct zl_group *group);

/* Wakes the group's resting tasks: all, or (zl_group_wake_finishing) those that are no longer at
 * rest. */
void zl_group_wake_resting(struct zl_group *group);
void zl_group_wake_finishing(struct zl_group *group);

/* Initializes the task that represents code outside any task; zeroed before. */
void zl_task_init_outside(struct zl_task *task, struct zl_sched *sched);

/* Creates a ready task from the function and its `arguments` values on top of L, which are popped.
 * May raise (memory). The task lives until it has ended and the caller has disowned it. */
struct zl_task *zl_task_spawn(struct zl_group *group, struct lua_State *L, int arguments);

/* Releases the caller's claim to the task's results. */
void zl_task_disown(struct zl_task *task);

/* Runs a group's first task, out of turn, until it waits. If it only calls zlrun without waiting,
 * it is paused after 200 ms. */
void zl_task_run_first(struct zl_task *task);

/* Runs a ready task until it waits or ends. Never raises. */
void zl_task_resume(struct zl_task *task);

/* Registers the running task as waiting in `queue` (NULL: for the time alone) until `deadline` (0:
 * none), at the front or the end of the queue. The caller must yield right after. */
void zl_task_wait(struct zl_task *task, struct zl_task_list *queue, bool front, uint64_t deadline);

/* Undoes a registered wait of the running task, which could not yield. */
void zl_task_unwait(struct zl_task *task);

/* Appends the running task to the ready queue. The caller must yield right after. */
void zl_task_pause(struct zl_task *task);

/* Moves a task that was removed from the ready queue to `resting`, until its group resumes. */
void zl_task_rest(struct zl_task *task);

/* Ends the task's wait, if it is waiting. */
void zl_task_wake(struct zl_task *task, enum zl_wake wake);

/* Writes "worker.lua:40", the line of the script at which the task waits; if unknown, where its
 * function is defined. */
void zl_task_line(const struct zl_task *task, char *out, size_t size);

/* Whether the task's function has been called. */
bool zl_task_has_begun(const struct zl_task *task);

/* Whether nothing is lost if the task is never resumed: it is not running and has no work. */
bool zl_task_at_rest(const struct zl_task *task);

/* Drops all tasks of the group, ended or not; its lua_State is about to be closed. */
void zl_task_drop_all(struct zl_group *group);
