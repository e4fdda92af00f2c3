/* SPDX-License-Identifier: MIT */
/* See luv_loop.h. libuv registers handles that a callback or a script has started only when the
 * inner loop itself polls; hence one non-blocking turn of the inner loop before each sleep of the
 * outer one. */
#include "runtime/script/luv_loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/base/limits.h"
#include "runtime/base/reason.h"
#include "runtime/base/signals.h"
#include "runtime/script/children.h"
#include "runtime/zmq/context.h"

/* Descriptors that an inner loop opens, plus some for its first use by a script. Without them libuv
 * aborts, or crashes when it closes a loop that was not fully initialized. */
enum { HEADROOM = 8 };

/* How long requests may take to end when the process exits. */
enum { MOMENT_MS = 500 };

static void run_inner(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct zl_luv_loop *luv_loop = poll->data;
    uv_run(&luv_loop->inner, UV_RUN_NOWAIT);
}

static void wake_up(uv_timer_t *timer)
{
    (void)timer; /* zl_luv_loop_turn, before the next sleep, does the work */
}

static void handle_closed(uv_handle_t *handle)
{
    struct zl_luv_loop *luv_loop = handle->data;
    if (--luv_loop->handles == 0 && luv_loop->is_closed)
        free(luv_loop);
}

struct zl_luv_loop *zl_luv_loop_new(struct zl_luv_loop_list *list, uv_loop_t *outer, char *why)
{
    if (!zl_limits_headroom(HEADROOM, why))
        return NULL;
    struct zl_luv_loop *luv_loop = calloc(1, sizeof *luv_loop);
    int error = luv_loop ? uv_loop_init(&luv_loop->inner) : UV_ENOMEM;
    if (error == 0) {
        error = uv_poll_init(outer, &luv_loop->poll, uv_backend_fd(&luv_loop->inner));
        if (error != 0)
            uv_loop_close(&luv_loop->inner);
    }
    if (error != 0) {
        snprintf(why, ZL_WHY_MAX, "luv's event loop could not be created: %s", uv_strerror(error));
        free(luv_loop);
        return NULL;
    }
    uv_timer_init(outer, &luv_loop->timer);
    luv_loop->handles = 2;
    luv_loop->poll.data = luv_loop->timer.data = luv_loop;
    luv_loop->list = list;
    TAILQ_INSERT_TAIL(list, luv_loop, link);
    zl_luv_loop_resume(luv_loop);
    return luv_loop;
}

void zl_luv_loop_turn(struct zl_luv_loop *luv_loop)
{
    if (!luv_loop)
        return;
    uv_run(&luv_loop->inner, UV_RUN_NOWAIT);
    int timeout = uv_backend_timeout(&luv_loop->inner);
    if (timeout >= 0 && uv_loop_alive(&luv_loop->inner)) {
        uv_update_time(luv_loop->timer.loop);
        uv_timer_start(&luv_loop->timer, wake_up, (uint64_t)timeout, 0);
    } else {
        uv_timer_stop(&luv_loop->timer);
    }
}

void zl_luv_loop_park(struct zl_luv_loop *luv_loop)
{
    if (!luv_loop)
        return;
    luv_loop->is_parked = true;
    uv_poll_stop(&luv_loop->poll);
    uv_timer_stop(&luv_loop->timer);
}

void zl_luv_loop_resume(struct zl_luv_loop *luv_loop)
{
    if (!luv_loop)
        return;
    luv_loop->is_parked = false;
    uv_poll_start(&luv_loop->poll, UV_READABLE, run_inner);
}

bool zl_luv_loop_alive(const struct zl_luv_loop *luv_loop)
{
    return luv_loop && uv_loop_alive(&luv_loop->inner);
}

/* --- the end --------------------------------------------------------------------------------- */

static void move_child(uv_handle_t *handle, void *children)
{
    if (handle->type == UV_PROCESS && uv_is_active(handle))
        zl_children_add(children, ((uv_process_t *)handle)->pid);
}

void zl_luv_loop_move_children(struct zl_luv_loop *luv_loop, struct zl_children *children)
{
    uv_walk(&luv_loop->inner, move_child, children);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (uv_is_closing(handle))
        return;
    uv_close(handle, NULL);
}

void zl_luv_loop_cut(struct zl_luv_loop *luv_loop, struct zl_children *children)
{
    zl_luv_loop_move_children(luv_loop, children);
    zl_signals_hold(true);
    uv_walk(&luv_loop->inner, close_handle, NULL);
    zl_signals_renew();
    zl_signals_hold(false);
    luv_loop->is_cut = true;
    zl_luv_loop_resume(luv_loop); /* the end of a request wakes the outer loop */
    uv_timer_stop(&luv_loop->timer);
}

bool zl_luv_loop_finish(struct zl_luv_loop *luv_loop)
{
    /* After uv_stop the first turn returns at once. */
    for (int i = 0; i < 2 && uv_loop_alive(&luv_loop->inner); i++)
        uv_run(&luv_loop->inner, UV_RUN_NOWAIT);
    return !uv_loop_alive(&luv_loop->inner);
}

/* The length of a queue in libuv's layout (uv.h): two pointers, to the next and the previous
 * element. */
static unsigned count(void *const queue[2])
{
    unsigned length = 0;
    for (void **link = queue[0]; link != queue; link = link[0])
        length++;
    return length;
}

/* Counts requests that need no thread: of streams and datagrams. */
static void count_others(uv_handle_t *handle, void *others)
{
    unsigned *sum = others;
    if (handle->type == UV_TCP || handle->type == UV_NAMED_PIPE || handle->type == UV_TTY) {
        const uv_stream_t *stream = (uv_stream_t *)handle;
        *sum += (stream->connect_req != NULL) + (stream->shutdown_req != NULL) +
                count(stream->write_queue) + count(stream->write_completed_queue);
    } else if (handle->type == UV_UDP) {
        const uv_udp_t *udp = (uv_udp_t *)handle;
        *sum += count(udp->write_queue) + count(udp->write_completed_queue);
    }
}

static bool has_requests(struct zl_luv_loop *luv_loop)
{
    uv_loop_t *inner = &luv_loop->inner;
    unsigned others = 0;
    if (inner->active_reqs.count == 0)
        return false;
    uv_walk(inner, count_others, &others);
    uv_mutex_lock(&inner->wq_mutex);
    others += count(inner->wq); /* done, but not called back yet */
    uv_mutex_unlock(&inner->wq_mutex);
    return inner->active_reqs.count > others;
}

bool zl_luv_loop_await_requests(const struct zl_luv_loop_list *list)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    uint64_t deadline = uv_hrtime() + (uint64_t)MOMENT_MS * 1000000;
    struct zl_luv_loop *luv_loop;
    TAILQ_FOREACH(luv_loop, list, link)
    {
        while (has_requests(luv_loop)) {
            if (uv_hrtime() >= deadline)
                return true;
            nanosleep(&pause, NULL);
        }
    }
    return false;
}

void zl_luv_loop_free(struct zl_luv_loop *luv_loop)
{
    TAILQ_REMOVE(luv_loop->list, luv_loop, link);
    uv_poll_stop(&luv_loop->poll);
    luv_loop->is_closed = uv_loop_close(&luv_loop->inner) == 0;
    uv_close((uv_handle_t *)&luv_loop->poll, handle_closed);
    uv_close((uv_handle_t *)&luv_loop->timer, handle_closed);
}
