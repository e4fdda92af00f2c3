/* SPDX-License-Identifier: MIT */
/* Tasks: coroutines that the host schedules. A task runs until it waits; whoever it waits for wakes
 * it, which puts it at the end of its generation's ready queue. One task waits for one thing at a
 * time. Everything here belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

struct lua_State;
struct zl_envelope;
struct zl_generation;
struct zl_grip;
struct zl_loop;
struct zl_socket;

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

/* A few sockets, each with a weak reference held. */
struct zl_socket_set {
    struct zl_socket **items;
    unsigned count;
};

struct zl_task {
    struct zl_loop *loop;
    struct zl_generation *generation;
    struct lua_State *co; /* NULL once it ended and left nothing */
    int anchor;           /* keeps co from being collected */
    int references;       /* the loop's while it lives, the userdata's, the timer's */
    enum zl_task_status status;
    enum zl_wake wake; /* what the last wait ended with */
    bool finishing;    /* runs to its end although the process stops */
    bool inherited;    /* spawned with a message in hand: handles it until its end */
    bool owned;        /* somebody may still ask for its results */
    bool timer_open;
    bool has_reply;             /* has read a reply, and has not waited since but to send */
    bool asks;                  /* has asked on a request socket */
    bool had_turn;              /* was given a turn at a socket, and may still have it */
    bool receives;              /* has found a receiver of messages empty: it may ask again */
    struct zl_task_list *queue; /* where it waits: a socket's lane, a joined task; or NULL */
    TAILQ_ENTRY(zl_task) link;  /* in `queue` while waiting, in the ready queue when ready */
    TAILQ_ENTRY(zl_task) all;
    struct zl_task_list joiners;
    uint64_t deadline; /* of the wait, on the clock of zl_clock_now; 0 for none */
    uv_timer_t timer;
    struct zl_socket *held;         /* the receiver of the message in hand, NULL for none */
    struct zl_socket_set also_held; /* those of messages that came later, in order */
    struct zl_socket_set told;      /* receivers that said "stopping" to it already */
    struct zl_grip *grips;          /* messages in hand that are kept, see delivery.h */
    struct zl_envelope *envelopes;  /* requests it has received, see reply.h */
    const char *where;              /* "worker.lua:12", where its function begins */
};

/* Makes a task of the function and its `arguments` values on top of L, which are popped. It is
 * ready to run. May raise (memory). The task lives until it has ended and the caller has disowned
 * it. */
struct zl_task *zl_task_spawn(struct zl_generation *generation, struct lua_State *L, int arguments);

/* The caller of spawn is no longer interested in the task's results. */
void zl_task_disown(struct zl_task *task);

/* Runs a generation's first task until it waits, out of turn. One that does not wait, but calls
 * zlrun, is interrupted after a while as by a wait. */
void zl_task_run_first(struct zl_task *task);

/* Whether it waits for a message that a receiver hands out. */
bool zl_task_is_receiving(const struct zl_task *task);

/* Runs a ready task until it waits or ends. Never raises. */
void zl_task_resume(struct zl_task *task);

/* Registers the running task as waiting in `queue` (NULL: for the time alone) until `deadline`
 * (0: for ever). The caller yields right after. */
void zl_task_wait(struct zl_task *task, struct zl_task_list *queue, bool front, uint64_t deadline);

/* Takes back a wait that the running task registered and could not yield for. */
void zl_task_unwait(struct zl_task *task);

/* Puts the running task behind every ready one. The caller yields right after. */
void zl_task_pause(struct zl_task *task);

/* Leaves a task that was taken off the ready queue where it is, until its generation resumes. */
void zl_task_rest(struct zl_task *task);

/* Ends the wait of a task, if it waits. */
void zl_task_wake(struct zl_task *task, enum zl_wake wake);

/* The task has (has no longer) a message of this receiver in hand. What it has received after it
 * goes with it. */
void zl_task_hold(struct zl_task *task, struct zl_socket *socket);
void zl_task_release(struct zl_task *task, struct zl_socket *socket);

/* Notes that the receiver said "stopping" to the task; false when it had said so before. */
bool zl_task_tell(struct zl_task *task, struct zl_socket *socket);

/* Whether it has a message in hand, also when it asks the receiver `asked` (NULL: none) again. */
bool zl_task_is_handling(const struct zl_task *task, const struct zl_socket *asked);

/* "worker.lua:40", the line of the script at which it waits; where it begins when that is not to be
 * had. */
void zl_task_line(const struct zl_task *task, char *out, size_t size);

/* Whether its function has been called. */
bool zl_task_has_begun(const struct zl_task *task);

/* Whether nothing is lost when the task is never resumed: it does not run and has no message in
 * hand. */
bool zl_task_at_rest(const struct zl_task *task);

/* Lets go of every task of the generation, ended or not; its lua_State is about to be closed. */
void zl_task_drop_all(struct zl_generation *generation);
