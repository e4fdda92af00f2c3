/* SPDX-License-Identifier: MIT */
/* Tasks: coroutines that the host schedules. A task runs until it waits; whoever it waits for wakes
 * it, which puts it at the end of its group's ready queue. One task waits for one thing at a
 * time. Everything here belongs to the loop's thread. */
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

/* What a wait ends with. */
enum zl_wake { ZL_WAKE_READY, ZL_WAKE_TIMEOUT, ZL_WAKE_STOPPING, ZL_WAKE_CANCELLED };

struct zl_task {
    struct zl_sched *sched;
    struct zl_group *group;
    struct lua_State *co; /* NULL once it ended and left nothing */
    int anchor;           /* keeps co from being collected */
    int references;       /* the scheduler's while it lives, the userdata's, the timer's */
    enum zl_task_status status;
    enum zl_wake wake; /* what the last wait ended with */
    bool finishing;    /* runs to its end although the process stops */
    bool is_busy;      /* the layer above: has something in hand until its next wait */
    bool owned;        /* somebody may still ask for its results */
    bool timer_open;
    struct zl_task_list *queue;   /* where it waits: a socket's waitq, a joined task; or NULL */
    const struct zl_task *joined; /* whose end it waits for; NULL for none */
    TAILQ_ENTRY(zl_task) link;    /* in `queue` while waiting, in the ready queue when ready */
    TAILQ_ENTRY(zl_task) all;
    struct zl_task_list joiners;
    uint64_t deadline; /* of the wait, on the clock of zl_clock_now; 0 for none */
    uv_timer_t timer;
    const char *where; /* "worker.lua:12", where its function begins; for one of zlrun's own, the
                          function of the script given to it, or the line that spawns it */
};

enum zl_life {
    ZL_LOADING, /* its main task has not waited yet; it may still be rolled back */
    ZL_SERVING,
    ZL_PARKING, /* receivers hand out nothing, tasks finish what they have in hand */
    ZL_PARKED   /* no task of it is resumed */
};

/* Tasks of one Lua state. */
struct zl_group {
    struct zl_sched *sched;
    struct lua_State *L; /* NULL once it is closed */
    enum zl_life life;
    unsigned serial; /* 1, 2, 3..., never given again */
    struct zl_task_list ready, tasks;
    struct zl_task_list resting; /* ready, but at rest while nothing but unfinished work goes on */
    unsigned live;               /* tasks that have not ended */
    bool failed;                 /* an uncaught error: no task of it is resumed any more */
};

/* What the layers above have to say about tasks. One for the process. */
struct zl_task_ops {
    size_t size; /* bytes that they keep behind each task, zeroed at first */

    /* Whether it has something in hand that would be lost if it was never resumed. */
    bool (*has_work)(const struct zl_task *task);

    /* Whether it is to run when it is ready: once the process stops, or while its group is being
     * parked, a task at rest stays where it is. */
    bool (*may_run)(const struct zl_task *task);

    /* Whether somebody waits while a task of the group runs. */
    bool (*is_crowded)(const struct zl_group *group);

    void (*spawned)(struct zl_task *child, const struct zl_task *parent);
    void (*ended)(struct zl_task *task);

    /* It has failed with the error value at the top of its coroutine, or with `message` (NULL:
     * none); called before `ended`. */
    void (*failed)(struct zl_task *task, const char *message);
};

void zl_group_init(struct zl_group *group, struct zl_sched *sched);

/* The first task of it that has something to finish; NULL when all are at rest. */
struct zl_task *zl_group_unfinished(const struct zl_group *group);

/* Those at rest go on: all, or (zl_group_wake_finishing) those that have something to finish. */
void zl_group_wake_resting(struct zl_group *group);
void zl_group_wake_finishing(struct zl_group *group);

/* A task that stands for code outside any task; zeroed before. */
void zl_task_init_outside(struct zl_task *task, struct zl_sched *sched);

/* Makes a task of the function and its `arguments` values on top of L, which are popped. It is
 * ready to run. May raise (memory). The task lives until it has ended and the caller has disowned
 * it. */
struct zl_task *zl_task_spawn(struct zl_group *group, struct lua_State *L, int arguments);

/* The caller of spawn is no longer interested in the task's results. */
void zl_task_disown(struct zl_task *task);

/* Runs a group's first task until it waits, out of turn. One that does not wait, but calls
 * zlrun, is interrupted after a while as by a wait. */
void zl_task_run_first(struct zl_task *task);

/* Runs a ready task until it waits or ends. Never raises. */
void zl_task_resume(struct zl_task *task);

/* Registers the running task as waiting in `queue` (NULL: for the time alone) until `deadline`
 * (0: for ever). The caller yields right after. */
void zl_task_wait(struct zl_task *task, struct zl_task_list *queue, bool front, uint64_t deadline);

/* Takes back a wait that the running task registered and could not yield for. */
void zl_task_unwait(struct zl_task *task);

/* Puts the running task behind every ready one. The caller yields right after. */
void zl_task_pause(struct zl_task *task);

/* Leaves a task that was taken off the ready queue where it is, until its group resumes. */
void zl_task_rest(struct zl_task *task);

/* Ends the wait of a task, if it waits. */
void zl_task_wake(struct zl_task *task, enum zl_wake wake);

/* "worker.lua:40", the line of the script at which it waits; where it begins when that is not to be
 * had. */
void zl_task_line(const struct zl_task *task, char *out, size_t size);

/* Whether its function has been called. */
bool zl_task_has_begun(const struct zl_task *task);

/* Whether nothing is lost when the task is never resumed: it does not run and has nothing in hand.
 */
bool zl_task_at_rest(const struct zl_task *task);

/* Lets go of every task of the group, ended or not; its lua_State is about to be closed. */
void zl_task_drop_all(struct zl_group *group);
