/* SPDX-License-Identifier: MIT */
/* See shutdown.h. */
#include "runtime/shutdown.h"

#include <stdlib.h>

#include "runtime/base/clock.h"
#include "runtime/base/exit.h"
#include "runtime/base/log.h"
#include "runtime/base/output.h"
#include "runtime/base/signals.h"
#include "runtime/base/standard.h"
#include "runtime/reload/supervisor.h"
#include "runtime/socket/admission.h"
#include "runtime/socket/delivery.h"
#include "runtime/socket/drain.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/sockets.h"
#include "runtime/socket/waitq.h"
#include "runtime/zmq/context.h"
#include "runtime/zmq/linger.h"

/* Sockets that can receive from other processes stay open until the senders are flushed, which may
 * send to them. Closed first are sockets that send, and are not both bound and receiving; and
 * inproc sockets, whose messages are already with a receiver that reads no more. */
static bool is_closed_first(const struct zl_socket *socket)
{
    return zl_endpoints_are_inproc(socket) ||
           (socket->pattern->sends &&
            !(socket->pattern->receives && zl_endpoints_are_bound(socket)));
}

static void close_sockets(struct zl_loop *loop, bool senders_first)
{
    struct zl_socket *next, *socket = TAILQ_FIRST(&loop->hub.sockets);
    for (; socket; socket = next) {
        next = TAILQ_NEXT(socket, all);
        if (!senders_first || is_closed_first(socket))
            zl_sockets_close(socket);
    }
}

static void pump(void *arg)
{
    struct zl_loop *loop = arg;
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &loop->hub.sockets, all)
    {
        zl_waitq_mark_dirty(socket);
    }
    zl_admission_poll_dirty(&loop->hub);
    zl_drain_pump(&loop->hub);
}

int zl_shutdown_drain(struct zl_loop *loop)
{
    loop->hub.sched.current = loop->hub.sched.outside;
    loop->is_accounted = true;
    bool handled = zl_drain_count_dropped(&loop->hub);
    if (!loop->hub.sched.group->failed && zl_admission_report_waiting(&loop->hub) > 0)
        handled = false;
    zl_standard_flush(); /* the watchdog may end the process after this */
    close_sockets(loop, true);
    bool flushed = zl_linger_wait(loop->hub.drain_deadline, pump, loop);
    handled = zl_drain_count_last(&loop->hub) && handled;
    close_sockets(loop, false);
    flushed = zl_linger_wait(loop->hub.drain_deadline, pump, loop) && flushed;
    zl_log_flush();
    int code = loop->exit_code == 0 && !(flushed && handled) ? ZL_EXIT_UNDRAINED : loop->exit_code;
    zl_watchdog_drained(&loop->hub.sched.watchdog, code);
    return code;
}

void zl_shutdown_account(void *arg)
{
    char cause[64];
    struct zl_loop *loop = arg;
    struct zl_hub *hub = &loop->hub;
    struct zl_socket *socket;
    if (loop->is_accounted || !hub->sched.group)
        return;
    loop->is_accounted = true;
    zl_records_end(&zl_serving_generation(&loop->reload)->records);
    if (hub->sched.phase == ZL_RUNNING)
        zl_drain_begin(hub, zl_signals_describe(cause, sizeof cause));
    hub->sched.phase = ZL_ENDED;
    zl_log_flush();
    zl_supervisor_set_aside(&loop->reload);
    hub->sched.current = hub->sched.outside;
    zl_drain_count_dropped(hub);
    zl_drain_count_last(hub);
    TAILQ_FOREACH(socket, &hub->sockets, all)
    zl_delivery_drop(socket);
    zl_log_flush();
}

/* How long to wait for queued output, in seconds: what is left of the drain time, at least 0.05 and
 * at most 1. */
static double output_patience(const struct zl_loop *loop)
{
    const double MOST = 1, LEAST = 0.05;
    double left = ((double)loop->hub.drain_deadline - (double)zl_clock_now()) / 1e9;
    return loop->hub.drain_deadline == 0 || left > MOST ? MOST : left < LEAST ? LEAST : left;
}

/* After a stop signal the watchdog limits the time for writing the output: a reader that has
 * stopped reading would block the process for ever. Otherwise the reader has unlimited time, as
 * with any filter. */
int zl_shutdown_leave(struct zl_loop *loop, int code)
{
    if (!zl_signals_pending())
        zl_watchdog_stop(&loop->hub.sched.watchdog);
    code = zl_standard_finish(code);
    zl_output_finish(output_patience(loop));
    zl_watchdog_stop(&loop->hub.sched.watchdog);
    return code;
}

void zl_shutdown_exit(struct zl_loop *loop, int code)
{
    struct zl_luv_loop *luv_loop;
    zl_exit_leave_memory(); /* the Lua state is not closed */
    zl_loop_fail(loop, code);
    zl_records_end(&zl_serving_generation(&loop->reload)->records);
    code = zl_shutdown_drain(loop);
    TAILQ_FOREACH(luv_loop, &loop->host.luv_loops, link)
    zl_luv_loop_move_children(luv_loop, &loop->host.children);
    zl_children_finish(&loop->host.children);
    zl_signals_stop();
    bool has_ended = zl_context_stop();
    code = zl_shutdown_leave(loop, code);
    zl_exit_prepare(code, !has_ended || zl_luv_loop_await_requests(&loop->host.luv_loops));
    exit(code);
}
