/* SPDX-License-Identifier: MIT */
/* See binding.h. libzmq is asked to bind only after it was made sure that nobody loses by it, and
 * an endpoint is remembered only when libzmq has taken it. */
#include "runtime/socket/binding.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/base/limits.h"
#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/inproc.h"
#include "runtime/socket/peers.h"
#include "runtime/socket/route.h"
#include "runtime/socket/waitq.h"
#include "runtime/zmq/call.h"
#include "runtime/zmq/context.h"
#include "runtime/zmq/linger.h"
#include "runtime/zmq/portowner.h"

/* The endpoint is bound no more. */
static void note_unbound(struct zl_socket *socket, const struct zl_endpoint_entry *entry)
{
    socket->hub->unbound = zl_clock_now();
    if (zl_endpoints_is_inproc(entry->text) && socket->hub->sched.phase != ZL_ENDED)
        zl_inproc_unbound(socket->hub, entry->text);
}

void zl_binding_forget_all(struct zl_socket *socket)
{
    struct zl_endpoint_entry *entry;
    while ((entry = SLIST_FIRST(&socket->endpoints))) {
        bool was_bound = entry->bound && entry->route;
        SLIST_REMOVE_HEAD(&socket->endpoints, link);
        if (was_bound)
            note_unbound(socket, entry);
        free(entry->asked);
        free(entry);
    }
}

static void explain_bind(const struct zl_endpoint *endpoint, int error, char *why)
{
    char owner[128];
    if (error == EADDRINUSE && endpoint->transport == ZL_TCP) {
        bool known = zl_portowner_find(endpoint->port, owner, sizeof owner);
        snprintf(why, ZL_WHY_MAX, "Port %d is already in use%s%s", endpoint->port,
                 known ? " by " : "", known ? owner : "");
    } else if (error == EADDRINUSE) {
        snprintf(why, ZL_WHY_MAX, "%s is already in use", endpoint->text);
    } else if (error == ENODEV || error == EADDRNOTAVAIL) {
        snprintf(why, ZL_WHY_MAX,
                 "cannot bind %s: no address or interface of this machine is called so; a name "
                 "is not looked up, write its address",
                 endpoint->text);
    } else {
        snprintf(why, ZL_WHY_MAX, "cannot bind %s: %s", endpoint->text, zmq_strerror(error));
    }
}

/* Sockets in the file system are for their owner alone. */
static int bind_private(void *zmq, const char *text)
{
    mode_t before = umask(0077);
    int rc = zl_call_bind(zmq, text);
    int error = errno;
    umask(before);
    errno = error;
    return rc;
}

/* libzmq gives a closed socket's endpoints back in the background. While this thread closed one
 * just now, lets a moment pass and says true: what is taken may be free then. */
static bool is_being_given_back(const struct zl_hub *hub)
{
    enum { MOST_NS = 200000000 };
    const struct timespec moment = {.tv_nsec = 1000000};
    return zl_clock_now() - hub->unbound < MOST_NS && nanosleep(&moment, NULL) == 0;
}

/* Binds `text`, waiting a moment for what this thread gives back; 0 or the error. */
static int bind_soon(struct zl_socket *socket, const char *text)
{
    while (bind_private(socket->zmq, text) != 0) {
        int error = zmq_errno();
        if (error != EADDRINUSE || !is_being_given_back(socket->hub))
            return error;
    }
    return 0;
}

/* The route is bound: whoever comes is shown by libzmq itself, which has room for peers alone. */
static void note_bound(struct zl_endpoint_entry *entry, struct zl_route *route)
{
    entry->route = route;
    entry->pending = false;
    route->is_bound = true;
    if (route->socket->pattern->awaits_peer)
        zl_route_set_peer(route, true);
    if (zl_endpoints_is_inproc(entry->text))
        zl_inproc_bound(route->socket->hub, entry->text);
    zl_waitq_mark_dirty(route->socket);
}

/* "*" takes both families; libzmq falls back to IPv4 where there is no IPv6. */
static bool takes_ipv6(const struct zl_endpoint *endpoint)
{
    return endpoint->ipv6 || strcmp(endpoint->host, "*") == 0;
}

bool zl_binding_bind(struct zl_socket *socket, struct zl_endpoint *endpoint, const char *asked,
                     char *why)
{
    while (endpoint->transport == ZL_IPC && !zl_endpoint_ipc_free(endpoint, why))
        if (!is_being_given_back(socket->hub))
            return false;
    if (!zl_limits_headroom(ZL_HEADROOM, why) ||
        (endpoint->transport != ZL_INPROC && !zl_route_watch_peers(socket->route, why)))
        return false;
    zl_call_set(socket->zmq, ZMQ_IPV6, takes_ipv6(endpoint));
    char *kept = strdup(asked);
    int error = kept ? bind_soon(socket, endpoint->text) : ENOMEM;
    if (error != 0) {
        explain_bind(endpoint, error, why);
        free(kept);
        return false;
    }
    size_t size = sizeof endpoint->text;
    if (zl_call_ask(socket->zmq, ZMQ_LAST_ENDPOINT, endpoint->text, &size) == 0)
        zl_endpoint_set_port(endpoint);
    struct zl_endpoint_entry *entry = zl_endpoints_add(socket, endpoint->text, why);
    if (!entry) {
        zl_call_unbind(socket->zmq, endpoint->text);
        free(kept);
        return false;
    }
    entry->bound = true;
    entry->ipv6 = takes_ipv6(endpoint);
    entry->asked = kept;
    note_bound(entry, socket->route);
    return true;
}

bool zl_binding_bind_later(struct zl_socket *socket, const struct zl_endpoint *endpoint,
                           const char *asked, char *why)
{
    struct zl_endpoint_entry *entry = zl_endpoints_add(socket, endpoint->text, why);
    char *kept = strdup(asked);
    if (!entry || !kept) {
        free(kept);
        if (entry)
            zl_endpoints_forget(socket, entry);
        snprintf(why, ZL_WHY_MAX, "not enough memory");
        return false;
    }
    entry->asked = kept;
    entry->ipv6 = takes_ipv6(endpoint);
    entry->bound = entry->pending = true;
    return true;
}

static bool bind_now(struct zl_socket *socket, struct zl_endpoint_entry *entry, char *why)
{
    if (!zl_endpoints_is_inproc(entry->text) && !zl_route_watch_peers(socket->route, why))
        return false;
    zl_call_set(socket->zmq, ZMQ_IPV6, entry->ipv6);
    int error = bind_soon(socket, entry->text);
    if (error == 0)
        note_bound(entry, socket->route);
    else
        snprintf(why, ZL_WHY_MAX, "cannot bind %s again: %s", entry->text, zmq_strerror(error));
    return error == 0;
}

static void unbind_now(struct zl_socket *socket, struct zl_endpoint_entry *entry)
{
    if (!entry->route)
        return;
    zl_call_unbind(socket->zmq, entry->text);
    entry->route = NULL;
    note_unbound(socket, entry);
}

void zl_binding_yield(struct zl_socket *socket)
{
    struct zl_endpoint_entry *entry;
    if (!socket->is_yielding || socket->is_unbound)
        return;
    socket->is_unbound = true;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound)
            unbind_now(socket, entry);
    }
}

void zl_binding_yield_claimed(struct zl_socket *socket)
{
    struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (!entry->claimed)
            continue;
        unbind_now(socket, entry);
        entry->claimed = false;
        entry->yielded_for = socket->hub->sched.group->serial;
    }
}

bool zl_binding_reclaim(struct zl_socket *socket, unsigned serial, char *why)
{
    struct zl_endpoint_entry *entry;
    bool ok = true;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        entry->claimed = false;
        if (entry->yielded_for <= serial)
            continue;
        ok = bind_now(socket, entry, why) && ok;
        entry->yielded_for = 0;
    }
    return ok;
}

bool zl_binding_bind_again(struct zl_socket *socket, char *why)
{
    struct zl_endpoint_entry *entry;
    bool ok = true;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (socket->is_unbound && entry->bound)
            ok = bind_now(socket, entry, why) && ok;
    }
    socket->is_yielding = socket->is_unbound = false;
    return ok;
}

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

static bool connect_entry(struct zl_endpoint_entry *entry, char *why)
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

static bool connect_now(struct zl_socket *socket, struct zl_endpoint_entry *entry, char *why)
{
    struct zl_route *route = find_route(socket, why);
    entry->route = route;
    if (route && connect_entry(entry, why))
        return true;
    entry->route = NULL;
    if (route && socket->route_count > 1)
        zl_route_close(route, ZL_LINGER_DROP, false);
    return false;
}

/* Ends the connection; what was sent on a route of its own is still flushed. 0 or the error. */
static int disconnect_now(struct zl_socket *socket, struct zl_endpoint_entry *entry)
{
    struct zl_route *route = entry->route;
    char why[ZL_WHY_MAX];
    if (!route)
        return 0;
    if (!socket->pattern->awaits_peer) {
        /* ENOENT: an inproc peer has closed, and its connection went with it. */
        bool ok = zl_call_disconnect(socket->zmq, entry->text) == 0 || zmq_errno() == ENOENT;
        return ok ? 0 : zmq_errno();
    }
    if (socket->route_count == 1 && !zl_route_open(socket, why))
        return EMFILE;
    zl_route_close(route, zl_route_linger(socket), false);
    return 0;
}

void zl_binding_reconnect(struct zl_endpoint_entry *entry)
{
    char why[ZL_WHY_MAX];
    zl_call_disconnect(entry->route->zmq, entry->text);
    if (!connect_entry(entry, why))
        zl_log_later(ZL_ERROR, "", "%s", why);
}

void zl_binding_attach_again(struct zl_route *route, bool is_fresh)
{
    struct zl_endpoint_entry *entry;
    char why[ZL_WHY_MAX];
    SLIST_FOREACH(entry, &route->socket->endpoints, link)
    {
        if (entry->route != route || entry->bound)
            continue;
        entry->is_ready = false;
        if (!is_fresh)
            zl_binding_reconnect(entry);
        else if (!connect_entry(entry, why))
            zl_log_later(ZL_ERROR, "", "%s", why);
    }
}

bool zl_binding_connect(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why)
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
    if (entry->pending || connect_now(socket, entry, why))
        return true;
    zl_endpoints_forget(socket, entry);
    return false;
}

bool zl_binding_disconnect(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why)
{
    struct zl_endpoint_entry *entry = zl_endpoints_find_connected(socket, endpoint->text);
    /* The generation before may come back, and wants it then. */
    if (entry && socket->previous && entry->added_by != socket->hub->sched.group->serial) {
        entry->wanted = false;
        entry->dropped = true;
        return true;
    }
    int error = entry ? disconnect_now(socket, entry) : 0;
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

void zl_binding_apply_pending(struct zl_socket *socket)
{
    char why[ZL_WHY_MAX];
    struct zl_endpoint_entry *next, *entry = SLIST_FIRST(&socket->endpoints);
    for (; entry; entry = next) {
        next = SLIST_NEXT(entry, link);
        if (entry->pending &&
            !(entry->bound ? bind_now(socket, entry, why) : connect_now(socket, entry, why)))
            zl_log(ZL_ERROR, "", "%s", why);
        entry->pending = false;
        if (entry->dropped && !socket->previous) {
            disconnect_now(socket, entry);
            zl_endpoints_forget(socket, entry);
            zl_waitq_mark_dirty(socket);
        }
    }
}

void zl_binding_drop_unwanted(struct zl_socket *socket)
{
    struct zl_endpoint_entry *next, *entry = SLIST_FIRST(&socket->endpoints);
    for (; entry; entry = next) {
        next = SLIST_NEXT(entry, link);
        if (entry->wanted)
            continue;
        zl_log(ZL_INFO, "", "%s %s", entry->bound ? "Unbinding" : "Disconnecting from",
               entry->text);
        if (entry->bound)
            unbind_now(socket, entry);
        else
            disconnect_now(socket, entry);
        zl_endpoints_forget(socket, entry);
        zl_waitq_mark_dirty(socket);
    }
}

void zl_binding_unlink(struct zl_socket *socket)
{
    struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound)
            unbind_now(socket, entry);
        else
            zl_call_disconnect(socket->zmq, entry->text);
    }
    socket->is_unbound = true;
}
