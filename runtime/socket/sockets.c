/* SPDX-License-Identifier: MIT */
/* See sockets.h. */
#include "runtime/socket/sockets.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/reason.h"
#include "runtime/socket/admission.h"
#include "runtime/socket/binding.h"
#include "runtime/socket/delivery.h"
#include "runtime/socket/drain.h"
#include "runtime/socket/intake.h"
#include "runtime/socket/owners.h"
#include "runtime/socket/peers.h"
#include "runtime/socket/refusals.h"
#include "runtime/socket/reqrep.h"
#include "runtime/socket/route.h"
#include "runtime/socket/unread.h"
#include "runtime/socket/waitq.h"
#include "runtime/zmq/context.h"
#include "runtime/socket/connect.h"

const char zl_server_class[] = "zlrun.server", zl_client_class[] = "zlrun.client",
           zl_sender_class[] = "zlrun.sender", zl_receiver_class[] = "zlrun.receiver";

static void on_time(struct zl_route *route)
{
    zl_refusals_turn(route->socket);
    zl_peers_turn(route);
}

static const struct zl_route_ops route_ops = {
    .on_readable = zl_admission_on_readable,
    .on_time = on_time,
    .on_event = zl_peers_on_event,
    .on_peer = zl_reqrep_resume,
    .attach = zl_connect_route_again,
    .reconnect = zl_connect_again,
};

bool zl_sockets_init(struct zl_hub *hub)
{
    hub->route_ops = &route_ops;
    TAILQ_INIT(&hub->sockets);
    TAILQ_INIT(&hub->dirty);
    zl_deadletter_init(&hub->redelivery.dead_letter);
    return zl_drain_init(hub);
}

void zl_sockets_fini(struct zl_hub *hub)
{
    zl_drain_fini(hub);
    zl_deadletter_close(&hub->redelivery.dead_letter);
    zl_recvbuf_fini(&hub->recvbuf);
}

struct zl_socket *zl_sockets_open(struct zl_hub *hub, const struct zl_pattern *pattern,
                                  const struct zl_options *options, char *why)
{
    if (hub->socket_count >= ZL_SOCKETS_MAX) {
        snprintf(why, ZL_WHY_MAX, "%d sockets are open, more than zlrun allows", ZL_SOCKETS_MAX);
        return NULL;
    }
    struct zl_socket *socket = calloc(1, sizeof *socket);
    if (!socket || !zl_options_copy(&socket->options, options)) {
        snprintf(why, ZL_WHY_MAX, "not enough memory for a socket");
        free(socket);
        return NULL;
    }
    socket->hub = hub;
    socket->pattern = pattern;
    TAILQ_INIT(&socket->routes);
    SLIST_INIT(&socket->endpoints);
    STAILQ_INIT(&socket->again);
    TAILQ_INIT(&socket->waitqs[ZL_IN].waiters);
    TAILQ_INIT(&socket->waitqs[ZL_OUT].waiters);
    if (!zl_route_open(socket, why)) {
        zl_options_fini(&socket->options);
        free(socket);
        return NULL;
    }
    socket->owner = hub->sched.group;
    socket->strong = 2; /* the caller's, and that of the open socket */
    socket->flags = pattern->id == ZL_REQUEST || pattern->id == ZL_REPLY ? ZL_FLAG_LINE : 0;
    socket->waitqs[ZL_IN].slow_path =
        hub->sched.phase != ZL_RUNNING || hub->sched.group->life != ZL_SERVING;
    socket->waitqs[ZL_OUT].slow_path = pattern->awaits_peer;
    TAILQ_INSERT_TAIL(&hub->sockets, socket, all);
    hub->socket_count++;
    atomic_store_explicit(&hub->sched.watchdog.crowded, true, memory_order_relaxed);
    zl_waitq_mark_dirty(socket);
    return socket;
}

void zl_sockets_close(struct zl_socket *socket)
{
    struct zl_hub *hub = socket->hub;
    socket->is_closing = true;
    if (!socket->zmq || (socket->previous && hub->sched.phase != ZL_ENDED)) {
        socket->waitqs[ZL_IN].slow_path = socket->waitqs[ZL_OUT].slow_path = true;
        return;
    }
    if (socket->is_dirty)
        TAILQ_REMOVE(&hub->dirty, socket, dirty);
    socket->is_dirty = false;
    zl_socket_ref(socket); /* it stays until the end, whoever lets go of it meanwhile */
    zl_refusals_end(socket);
    zl_delivery_drop(socket);
    zl_intake_forget(socket);
    int linger = zl_route_linger(socket);
    while (!TAILQ_EMPTY(&socket->routes))
        zl_route_close(TAILQ_FIRST(&socket->routes), linger, socket->route_count == 1);
    TAILQ_REMOVE(&hub->sockets, socket, all);
    hub->socket_count--;
    for (int i = ZL_IN; i <= ZL_OUT; i++) {
        socket->waitqs[i].slow_path = true;
        zl_waitq_wake_all(&socket->waitqs[i], ZL_WAKE_READY);
    }
    zl_binding_forget_all(socket);
    zl_reqrep_fini(&socket->request);
    zl_subscribers_fini(&socket->subscribers);
    zl_owners_forget(socket);
    zl_sockets_unpin(socket);
    zl_sockets_unref(socket);
    zl_sockets_unref(socket); /* that of the open socket */
}

void zl_sockets_unref(struct zl_socket *socket)
{
    if (--socket->strong == 1 && socket->zmq) {
        zl_unread_report(socket);
        zl_sockets_close(socket);
    }
    zl_socket_free_unused(socket);
}

void zl_sockets_pin(struct zl_socket *socket)
{
    if (!socket->is_pinned)
        zl_socket_ref(socket);
    socket->is_pinned = true;
}

void zl_sockets_unpin(struct zl_socket *socket)
{
    bool was_kept = socket->is_pinned;
    socket->is_pinned = false;
    if (was_kept)
        zl_sockets_unref(socket);
}
