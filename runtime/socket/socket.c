/* SPDX-License-Identifier: MIT */
/* See socket.h. */
#include "runtime/socket/socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/zmq/context.h"
#include "runtime/zmq/linger.h"
#include "runtime/socket/ffi.h"
#include "runtime/socket/intake.h"
#include "runtime/loop.h"
#include "runtime/reload/adoption.h"
#include "runtime/zmq/call.h"
#include "runtime/base/clock.h"
#include "runtime/base/reason.h"

const char zl_server_class[] = "zlrun.server", zl_client_class[] = "zlrun.client",
           zl_sender_class[] = "zlrun.sender", zl_receiver_class[] = "zlrun.receiver";

struct zl_socket *zl_socket_open(struct zl_loop *loop, const struct zl_pattern *pattern,
                                 const struct zl_options *options, char *why)
{
    if (loop->socket_count >= ZL_SOCKETS_MAX) {
        snprintf(why, ZL_WHY_MAX, "%d sockets are open, more than zlrun allows", ZL_SOCKETS_MAX);
        return NULL;
    }
    struct zl_socket *socket = calloc(1, sizeof *socket);
    if (!socket || !zl_options_copy(&socket->options, options)) {
        snprintf(why, ZL_WHY_MAX, "not enough memory for a socket");
        free(socket);
        return NULL;
    }
    socket->loop = loop;
    socket->pattern = pattern;
    TAILQ_INIT(&socket->routes);
    SLIST_INIT(&socket->endpoints);
    STAILQ_INIT(&socket->again);
    TAILQ_INIT(&socket->lanes[ZL_IN].waiters);
    TAILQ_INIT(&socket->lanes[ZL_OUT].waiters);
    if (!zl_route_open(socket, why)) {
        zl_options_fini(&socket->options);
        free(socket);
        return NULL;
    }
    socket->tenant = loop->generation;
    socket->references = 2; /* the caller's, and that of the open socket */
    socket->note = pattern->id == ZL_REQUEST || pattern->id == ZL_REPLY ? ZL_NOTE_LINE : 0;
    socket->lanes[ZL_IN].gate = loop->phase != ZL_RUNNING || loop->generation->life != ZL_SERVING;
    socket->lanes[ZL_OUT].gate = pattern->awaits_peer;
    TAILQ_INSERT_TAIL(&loop->sockets, socket, all);
    loop->socket_count++;
    atomic_store_explicit(&loop->watchdog.crowded, true, memory_order_relaxed);
    zl_socket_touch(socket);
    return socket;
}

int zl_socket_linger(const struct zl_socket *socket)
{
    enum { LEAST_MS = 10 }; /* for what an I/O thread only has to pick up */
    const struct zl_loop *loop = socket->loop;
    uint64_t now = zl_clock_now();
    double left = loop->drain_timeout * 1000;
    if (socket->sent == 0 || zl_exchange_is_over(socket))
        return ZL_DRAIN_DROP;
    if (loop->drain_deadline > 0)
        left = now < loop->drain_deadline ? (double)(loop->drain_deadline - now) / 1e6 : 0;
    return left > LEAST_MS ? (int)left : LEAST_MS;
}

void zl_socket_close(struct zl_socket *socket)
{
    struct zl_loop *loop = socket->loop;
    socket->is_closing = true;
    if (!socket->zmq || (socket->former && loop->phase != ZL_ENDED)) {
        socket->lanes[ZL_IN].gate = socket->lanes[ZL_OUT].gate = true;
        return;
    }
    if (socket->is_touched)
        TAILQ_REMOVE(&loop->touched, socket, touched);
    socket->is_touched = false;
    zl_socket_ref(socket); /* it stays until the end, whoever lets go of it meanwhile */
    zl_hand_forget(socket);
    zl_intake_forget(socket);
    int linger = zl_socket_linger(socket);
    while (!TAILQ_EMPTY(&socket->routes))
        zl_route_close(TAILQ_FIRST(&socket->routes), linger, socket->route_count == 1);
    TAILQ_REMOVE(&loop->sockets, socket, all);
    loop->socket_count--;
    for (int i = ZL_IN; i <= ZL_OUT; i++) {
        socket->lanes[i].gate = true;
        zl_lane_wake_all(&socket->lanes[i], ZL_WAKE_READY);
    }
    zl_socket_forget_endpoints(socket);
    zl_exchange_fini(&socket->exchange);
    zl_subscribers_fini(&socket->subscribers);
    zl_tenancy_forget(socket);
    zl_socket_let_go(socket);
    zl_socket_unref(socket);
}

void zl_socket_share(struct zl_socket *socket, bool shared)
{
    socket->is_shared = shared && socket->pattern->id == ZL_SUB;
    socket->options.is_plain = zl_options_are_plain(&socket->options) && !socket->is_shared;
}

void zl_socket_ref(struct zl_socket *socket)
{
    socket->references++;
}

void zl_socket_unref(struct zl_socket *socket)
{
    /* An open socket holds the last one that is not weak. */
    if (--socket->references == socket->weak + 1 && socket->zmq)
        zl_socket_close(socket);
    if (socket->references > 0)
        return;
    zl_options_fini(&socket->options);
    free(socket);
}

void zl_socket_keep(struct zl_socket *socket)
{
    if (!socket->is_kept)
        zl_socket_ref(socket);
    socket->is_kept = true;
}

void zl_socket_let_go(struct zl_socket *socket)
{
    bool was_kept = socket->is_kept;
    socket->is_kept = false;
    if (was_kept)
        zl_socket_unref(socket);
}

void zl_socket_ref_weak(struct zl_socket *socket)
{
    socket->references++;
    socket->weak++;
}

void zl_socket_unref_weak(struct zl_socket *socket)
{
    socket->weak--;
    zl_socket_unref(socket);
}
