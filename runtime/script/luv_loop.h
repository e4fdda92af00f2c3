/* SPDX-License-Identifier: MIT */
/* A libuv loop of a generation's own (luv's), luv_loop in the host's: the host's loop watches its
 * backend descriptor and sleeps no longer than the luv_loop loop would. Made when a script asks for
 * luv; belongs to the loop's thread. NULL stands for a generation without luv. */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

struct zl_children;

/* All of a host's loop. */
TAILQ_HEAD(zl_luv_loop_list, zl_luv_loop);

struct zl_luv_loop {
    uv_loop_t inner;
    uv_poll_t poll; /* of the outer loop, as is `timer` */
    uv_timer_t timer;
    int handles;    /* of the outer loop, still open */
    bool is_parked; /* stands still; it may go on */
    bool is_cut;    /* its handles are closed for good */
    bool is_closed; /* `inner` is closed: its memory may be freed */
    struct zl_luv_loop_list *list;
    TAILQ_ENTRY(zl_luv_loop) link; /* in `list` */
};

/* Makes an inner loop and nests it in `outer`. NULL, with the reason in `why` (ZL_WHY_MAX bytes),
 * when libuv gives none. */
struct zl_luv_loop *zl_luv_loop_new(struct zl_luv_loop_list *list, uv_loop_t *outer, char *why);

/* Runs what is due in the inner loop and sees to the wake-up for what is not; called before the
 * outer loop sleeps. */
void zl_luv_loop_turn(struct zl_luv_loop *luv_loop);

/* The inner loop stands still until it is resumed. */
void zl_luv_loop_park(struct zl_luv_loop *luv_loop);
void zl_luv_loop_resume(struct zl_luv_loop *luv_loop);

/* Whether the inner loop keeps the process alive. */
bool zl_luv_loop_alive(const struct zl_luv_loop *luv_loop);

/* Closes every handle of the inner loop, from C alone: no callback is set for one that was not
 * closing already. Its processes become `children`, which ends and reaps them. */
void zl_luv_loop_cut(struct zl_luv_loop *luv_loop, struct zl_children *children);

/* Hands its processes to `children`, and does nothing else. */
void zl_luv_loop_give_up_children(struct zl_luv_loop *luv_loop, struct zl_children *children);

/* After zl_luv_loop_cut: whether nothing is under way in the inner loop any more. libuv cannot
 * cancel a request that a thread of its pool works on (open of a FIFO, a slow getaddrinfo). */
bool zl_luv_loop_is_quiet(struct zl_luv_loop *luv_loop);

/* Whether a thread of libuv's pool works, or is to work, on a request of one of them, waiting at
 * most a moment (the same for all) for that to end. Runs no callback; may be called from one. */
bool zl_luv_loop_have_requests(const struct zl_luv_loop_list *list);

/* Takes it out of the outer loop and frees it. An inner loop that is not quiet is never freed: a
 * thread may still write to it. */
void zl_luv_loop_free(struct zl_luv_loop *luv_loop);
