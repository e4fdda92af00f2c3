/* SPDX-License-Identifier: MIT */
/* See nested.h. libuv registers what a callback or a script has started only when the inner loop
 * itself polls; hence one turn of it, without waiting, before each sleep of the outer one. */
#include "runtime/nested.h"

#include <stdlib.h>

static void run_inner(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct zl_nested *nested = poll->data;
    uv_run(nested->inner, UV_RUN_NOWAIT);
}

static void wake_up(uv_timer_t *timer)
{
    (void)timer; /* the turn before the next sleep does the work */
}

static void handle_closed(uv_handle_t *handle)
{
    struct zl_nested *nested = handle->data;
    if (--nested->handles == 0)
        free(nested);
}

struct zl_nested *zl_nested_start(uv_loop_t *outer, uv_loop_t *inner, void (*close)(void *world),
                                  void *world)
{
    struct zl_nested *nested = calloc(1, sizeof *nested);
    if (!nested || uv_poll_init(outer, &nested->poll, uv_backend_fd(inner)) != 0) {
        free(nested);
        return NULL;
    }
    uv_timer_init(outer, &nested->timer);
    nested->handles = 2;
    nested->inner = inner;
    nested->close = close;
    nested->world = world;
    nested->poll.data = nested->timer.data = nested;
    zl_nested_resume(nested);
    return nested;
}

void zl_nested_turn(struct zl_nested *nested)
{
    if (!nested)
        return;
    uv_run(nested->inner, UV_RUN_NOWAIT);
    int timeout = uv_backend_timeout(nested->inner);
    if (timeout >= 0 && uv_loop_alive(nested->inner)) {
        uv_update_time(nested->timer.loop);
        uv_timer_start(&nested->timer, wake_up, (uint64_t)timeout, 0);
    } else {
        uv_timer_stop(&nested->timer);
    }
}

void zl_nested_park(struct zl_nested *nested)
{
    if (!nested)
        return;
    uv_poll_stop(&nested->poll);
    uv_timer_stop(&nested->timer);
}

void zl_nested_resume(struct zl_nested *nested)
{
    if (nested)
        uv_poll_start(&nested->poll, UV_READABLE, run_inner);
}

bool zl_nested_alive(const struct zl_nested *nested)
{
    return nested && uv_loop_alive(nested->inner);
}

void zl_nested_stop(struct zl_nested *nested)
{
    if (!nested)
        return;
    nested->close(nested->world);
    uv_close((uv_handle_t *)&nested->poll, handle_closed);
    uv_close((uv_handle_t *)&nested->timer, handle_closed);
}
