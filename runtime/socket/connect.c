/* SPDX-License-Identifier: MIT */
/* See connect.h. */
#include "runtime/socket/connect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/limits.h"
#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/inproc.h"
#include "runtime/socket/peers.h"
#include "runtime/socket/route.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/take.h"
#include "runtime/zmq/call.h"
#include "runtime/zmq/linger.h"

/* The route for one more address: of its own where what is sent waits for the peer there. */
static struct zl_route *find_route(struct zl_socket *socket, char *why)
{
    const struct zl_endpoint_entry *entry;
    bool is_used = false;
    if (!socket->pattern->awaits_peer)
        return socket->route;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    is_used |= entry->route == TAILQ_FIRST(&socket->routes);
    return is_used ? zl_route_open(socket, why) : TAILQ_FIRST(&socket->routes);
}

static bool connect_now(struct zl_endpoint_entry *entry, char *why)
{
    struct zl_route *route = entry->route;
    if (zl_endpoints_is_inproc(entry->text))
        return zl_inproc_connect(entry, why);
    if (!zl_route_watch_peers(route, why))
        return false;
    zl_call_set(route->zmq, ZMQ_IPV6, entry->ipv6);
    if (zl_call_connect(route->zmq, entry->text) != 0) {
        snprintf(why, ZL_WHY_MAX, "cannot connect to %s: %s", entry->text,
                 zmq_strerror(zmq_errno()));
        return false;
    }
    zl_peers_expect(entry);
    zl_waitq_mark_dirty(route->socket);
    return true;
}

bool zl_connect_entry(struct zl_socket *socket, struct zl_endpoint_entry *entry, char *why)
{
    struct zl_route *route = find_route(socket, why);
    entry->route = route;
    if (route && connect_now(entry, why))
        return true;
    entry->route = NULL;
    if (route && socket->route_count > 1)
        zl_route_close(route, ZL_LINGER_DROP, false);
    return false;
}

/* Ends the connection; what was sent on a route of its own is still flushed. 0 or the error. */
int zl_connect_release(struct zl_socket *socket, struct zl_endpoint_entry *entry)
{
    struct zl_route *route = entry->route;
    char why[ZL_WHY_MAX];
    if (!route)
        return 0;
    if (!socket->pattern->awaits_peer) {
        zl_take_prefetched(socket);
        /* ENOENT: an inproc peer has closed, and its connection went with it. */
        bool ok = zl_call_disconnect(socket->zmq, entry->text) == 0 || zmq_errno() == ENOENT;
        return ok ? 0 : zmq_errno();
    }
    if (socket->route_count == 1 && !zl_route_open(socket, why))
        return EMFILE;
    zl_route_close(route, zl_route_linger(socket), false);
    return 0;
}

void zl_connect_again(struct zl_endpoint_entry *entry)
{
    char why[ZL_WHY_MAX];
    zl_take_prefetched(entry->route->socket);
    zl_call_disconnect(entry->route->zmq, entry->text);
    if (!connect_now(entry, why))
        zl_log_later(ZL_ERROR, "", "%s", why);
}

void zl_connect_route_again(struct zl_route *route, bool is_fresh)
{
    struct zl_endpoint_entry *entry;
    char why[ZL_WHY_MAX];
    SLIST_FOREACH(entry, &route->socket->endpoints, link)
    {
        if (entry->route != route || entry->bound)
            continue;
        entry->is_ready = false;
        if (!is_fresh)
            zl_connect_again(entry);
        else if (!connect_now(entry, why))
            zl_log_later(ZL_ERROR, "", "%s", why);
    }
}

bool zl_connect_endpoint(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why)
{
    struct zl_endpoint_entry *entry = zl_endpoints_find_connected(socket, endpoint->text);
    if (entry) { /* from the generation before */
        entry->wanted = true;
        entry->dropped = false;
        return true;
    }
    if (!zl_limits_headroom(ZL_HEADROOM, why))
        return false;
    entry = zl_endpoints_add(socket, endpoint->text, why);
    if (!entry)
        return false;
    entry->ipv6 = endpoint->ipv6;
    entry->pending = socket->previous && socket->hub->sched.group->life == ZL_LOADING;
    if (entry->pending || zl_connect_entry(socket, entry, why))
        return true;
    zl_endpoints_forget(socket, entry);
    return false;
}

bool zl_connect_end(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why)
{
    struct zl_endpoint_entry *entry = zl_endpoints_find_connected(socket, endpoint->text);
    /* The generation before may come back, and wants it then. */
    if (entry && socket->previous && entry->added_by != socket->hub->sched.group->serial) {
        entry->wanted = false;
        entry->dropped = true;
        return true;
    }
    int error = entry ? zl_connect_release(socket, entry) : 0;
    if (error != 0) {
        snprintf(why, ZL_WHY_MAX, "cannot disconnect from %s: %s", endpoint->text,
                 zmq_strerror(error));
        return false;
    }
    if (entry)
        zl_endpoints_forget(socket, entry);
    zl_waitq_mark_dirty(socket);
    return true;
}
