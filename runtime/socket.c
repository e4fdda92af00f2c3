/* SPDX-License-Identifier: MIT */
/* See socket.h. A socket's descriptor is watched by libuv from its first day to its last; what that
 * tells is for readiness.c. */
#include "runtime/socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/context.h"
#include "runtime/drain.h"
#include "runtime/hot.h"
#include "runtime/intake.h"
#include "runtime/loop.h"
#include "runtime/tenancy.h"
#include "runtime/wire.h"

const char zl_server_class[] = "zlrun.server", zl_client_class[] = "zlrun.client",
           zl_sender_class[] = "zlrun.sender", zl_receiver_class[] = "zlrun.receiver";

/* A pub asks its peers by ZMTP: who does not answer misses messages anyway. Elsewhere a peer that
 * is only behind would not answer either and would lose what is on its way to it; and libzmq 4.3.4
 * aborts when it asks a peer that has left while the queue for its messages was full. There TCP
 * asks, in whole seconds. */
static bool apply_heartbeat(void *zmq, const struct zl_pattern *pattern,
                            const struct zl_options *options)
{
    enum { PROBES = 3 };
    int idle = (options->heartbeat + 999) / 1000;
    if (options->heartbeat == 0)
        return true;
    if (pattern->id == ZL_PUB && !options->lossless)
        return zl_wire_set(zmq, ZMQ_HEARTBEAT_IVL, options->heartbeat);
    return zl_wire_set(zmq, ZMQ_TCP_KEEPALIVE, 1) &&
           zl_wire_set(zmq, ZMQ_TCP_KEEPALIVE_IDLE, idle) &&
           zl_wire_set(zmq, ZMQ_TCP_KEEPALIVE_INTVL, (idle + PROBES - 1) / PROBES) &&
           zl_wire_set(zmq, ZMQ_TCP_KEEPALIVE_CNT, PROBES);
}

/* What peers tell a pub is always read: they need not be stopped. */
static int receive_hwm(const struct zl_pattern *pattern, const struct zl_options *options)
{
    return options->conflate || pattern->id == ZL_PUB ? 0 : options->receive_hwm;
}

static bool apply_options(void *zmq, const struct zl_pattern *pattern,
                          const struct zl_options *options)
{
    enum { HANDSHAKE_MS = 30000 };
    int64_t largest = options->max_message_size;
    /* libzmq would go on counting the subscriptions of a peer that a pub connects to and that left.
     */
    bool immediate = options->immediate || pattern->id == ZL_PUB;
    bool ok =
        zl_wire_set(zmq, ZMQ_SNDHWM, options->send_hwm) &&
        zl_wire_set(zmq, ZMQ_RCVHWM, receive_hwm(pattern, options)) &&
        zl_wire_set(zmq, ZMQ_IMMEDIATE, immediate) && apply_heartbeat(zmq, pattern, options) &&
        zl_wire_set(zmq, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) && zl_wire_set(zmq, ZMQ_LINGER, 0) &&
        zmq_setsockopt(zmq, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0;
    switch (pattern->id) {
    case ZL_PUB:
        return ok && zl_wire_set(zmq, ZMQ_XPUB_VERBOSER, 1) &&
               zl_wire_set(zmq, ZMQ_XPUB_NODROP, options->lossless);
    case ZL_REPLY:
        return ok && zl_wire_set(zmq, ZMQ_ROUTER_MANDATORY, 1);
    case ZL_SUB:
        for (size_t i = 0; ok && i < options->topic_count; i++)
            ok = zmq_setsockopt(zmq, ZMQ_SUBSCRIBE, options->topics[i].data,
                                options->topics[i].size) == 0;
        return ok;
    default:
        return ok;
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    zl_socket_notify(poll->data);
}

struct zl_socket *zl_socket_open(struct zl_loop *loop, const struct zl_pattern *pattern,
                                 const struct zl_options *options, char *why)
{
    struct zl_socket *socket = NULL;
    void *zmq = NULL;
    int fd = -1;
    size_t size = sizeof fd;
    void *context = zl_context_get(why);
    if (!context || !zl_context_headroom(ZL_HEADROOM, why))
        goto out;
    if (loop->socket_count >= ZL_SOCKETS_MAX) {
        snprintf(why, ZL_WHY_MAX, "%d sockets are open, more than zlrun allows", ZL_SOCKETS_MAX);
        goto out;
    }
    socket = calloc(1, sizeof *socket);
    if (!socket || !zl_options_copy(&socket->options, options)) {
        snprintf(why, ZL_WHY_MAX, "not enough memory for a socket");
        goto out;
    }
    zmq = zmq_socket(context, pattern->zmq_type);
    if (!zmq || !apply_options(zmq, pattern, &socket->options) ||
        zl_wire_ask(zmq, ZMQ_FD, &fd, &size) != 0) {
        snprintf(why, ZL_WHY_MAX, "libzmq gave no socket: %s", zmq_strerror(zmq_errno()));
        goto out;
    }
    if (uv_poll_init(&loop->uv, &socket->poll, fd) != 0) {
        snprintf(why, ZL_WHY_MAX, "the event loop takes no more sockets");
        goto out;
    }
    socket->zmq = zmq;
    socket->loop = loop;
    socket->tenant = loop->generation;
    socket->pattern = pattern;
    socket->references = 2; /* the caller's and the poll handle's */
    socket->note = pattern->id == ZL_REQUEST || pattern->id == ZL_REPLY ? ZL_NOTE_LINE : 0;
    SLIST_INIT(&socket->endpoints);
    STAILQ_INIT(&socket->again);
    TAILQ_INIT(&socket->lanes[ZL_IN].waiters);
    TAILQ_INIT(&socket->lanes[ZL_OUT].waiters);
    socket->lanes[ZL_IN].gate = loop->phase != ZL_RUNNING || loop->generation->life != ZL_SERVING;
    TAILQ_INSERT_TAIL(&loop->sockets, socket, all);
    loop->socket_count++;
    atomic_store_explicit(&loop->watchdog.crowded, true, memory_order_relaxed);
    socket->poll.data = socket;
    uv_poll_start(&socket->poll, UV_READABLE, on_poll);
    zl_socket_touch(socket);
    return socket;
out:
    if (zmq)
        zmq_close(zmq);
    if (socket)
        zl_options_fini(&socket->options);
    free(socket);
    return NULL;
}

static void poll_closed(uv_handle_t *handle)
{
    zl_socket_unref(handle->data);
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
    uv_close((uv_handle_t *)&socket->poll, poll_closed);
    zl_socket_ref(socket); /* it stays until the end, whoever lets go of it meanwhile */
    zl_hand_forget(socket);
    zl_intake_forget(socket);
    char name[ZL_WHY_MAX];
    zl_socket_describe(socket, name, sizeof name);
    int linger = loop->drain_deadline == 0
                     ? (int)(loop->drain_timeout * 1000)
                     : (int)((int64_t)(loop->drain_deadline - zl_loop_now()) / 1000000);
    zl_drain_close(socket->zmq, name, socket->sent > 0, linger > 0 ? linger : 0);
    socket->zmq = NULL;
    TAILQ_REMOVE(&loop->sockets, socket, all);
    loop->socket_count--;
    for (int i = ZL_IN; i <= ZL_OUT; i++) {
        socket->lanes[i].gate = true;
        zl_lane_wake_all(&socket->lanes[i], ZL_WAKE_READY);
    }
    zl_socket_forget_endpoints(socket);
    zl_exchange_fini(&socket->exchange);
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
    /* The poll handle of an open socket holds the last one that is not weak. */
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
