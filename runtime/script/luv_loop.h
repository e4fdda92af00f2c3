/* SPDX-License-Identifier: MIT */
/* The libuv loop of one generation (luv's), nested in the host's loop, which watches its backend
 * descriptor and never sleeps longer than the inner loop would. Created when a script requires luv;
 * belongs to the loop's thread. NULL represents a generation without luv. */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

struct zl_children;

/* All inner loops of one host. */
TAILQ_HEAD(zl_luv_loop_list, zl_luv_loop);

struct zl_luv_loop {
    uv_loop_t inner;
    uv_poll_t poll; /* in the outer loop, as is `timer` */
    uv_timer_t timer;
    int handles;    /* open handles in the outer loop */
    bool is_parked; /* not run, until it is resumed */
    bool is_cut;    /* its handles were closed by zl_luv_loop_cut */
    bool is_closed; /* `inner` is closed: its memory may be freed */
    struct zl_luv_loop_list *list;
    TAILQ_ENTRY(zl_luv_loop) link; /* in `list` */
};

/* Creates an inner loop nested in `outer`. NULL on failure, with the reason in `why` (ZL_WHY_MAX
 * bytes). */
struct zl_luv_loop *zl_luv_loop_new(struct zl_luv_loop_list *list, uv_loop_t *outer, char *why);

/* Runs everything due in the inner loop, and schedules a wake-up for its next timer. Called before
 * the outer loop sleeps. */
void zl_luv_loop_turn(struct zl_luv_loop *luv_loop);

/* Stops running the inner loop, until it is resumed. */
void zl_luv_loop_park(struct zl_luv_loop *luv_loop);
void zl_luv_loop_resume(struct zl_luv_loop *luv_loop);

/* Whether the inner loop keeps the process alive. */
bool zl_luv_loop_alive(const struct zl_luv_loop *luv_loop);

/* Closes every handle of the inner loop without running Lua: handles that were not closing already
 * get no callback. Its child processes are moved to `children`, which ends and reaps them. */
void zl_luv_loop_cut(struct zl_luv_loop *luv_loop, struct zl_children *children);

/* Moves its child processes to `children`; nothing else changes. */
void zl_luv_loop_move_children(struct zl_luv_loop *luv_loop, struct zl_children *children);

/* Runs pending close callbacks after zl_luv_loop_cut. False while requests are under way: libuv
 * cannot cancel one that a pool thread is working on (open of a FIFO, a slow getaddrinfo). */
bool zl_luv_loop_finish(struct zl_luv_loop *luv_loop);

/* Waits, at most 500 ms for all loops together, until no request of theirs is queued for or running
 * in libuv's thread pool. Returns whether any is left. Runs no callback; may be called from one. */
bool zl_luv_loop_await_requests(const struct zl_luv_loop_list *list);

/* Removes the inner loop from the outer one and frees it. One that has not finished is never freed:
 * a thread may still write to it. */
void zl_luv_loop_free(struct zl_luv_loop *luv_loop);
