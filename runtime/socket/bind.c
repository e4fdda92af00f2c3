/* SPDX-License-Identifier: MIT */
/* See bind.h. libzmq is asked to bind only after it was made sure that nobody loses
 * by it, and an endpoint is remembered only when libzmq has taken it. */
#include "runtime/socket/bind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/base/limits.h"
#include "runtime/base/reason.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/inproc.h"
#include "runtime/socket/route.h"
#include "runtime/socket/waitq.h"
#include "runtime/zmq/call.h"
#include "runtime/zmq/portowner.h"

/* The endpoint is bound no more. */
void zl_bind_note_unbound(struct zl_socket *socket, const struct zl_endpoint_entry *entry)
{
    socket->hub->unbound = zl_clock_now();
    if (zl_endpoints_is_inproc(entry->text) && socket->hub->sched.phase != ZL_ENDED)
        zl_inproc_unbound(socket->hub, entry->text);
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

bool zl_bind_endpoint(struct zl_socket *socket, struct zl_endpoint *endpoint, const char *asked,
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

bool zl_bind_later(struct zl_socket *socket, const struct zl_endpoint *endpoint, const char *asked,
                   char *why)
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

bool zl_bind_entry(struct zl_socket *socket, struct zl_endpoint_entry *entry, char *why)
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

void zl_bind_release(struct zl_socket *socket, struct zl_endpoint_entry *entry)
{
    if (!entry->route)
        return;
    zl_call_unbind(socket->zmq, entry->text);
    entry->route = NULL;
    zl_bind_note_unbound(socket, entry);
}

void zl_bind_yield(struct zl_socket *socket)
{
    struct zl_endpoint_entry *entry;
    if (!socket->is_yielding || socket->is_unbound)
        return;
    socket->is_unbound = true;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound)
            zl_bind_release(socket, entry);
    }
}

void zl_bind_yield_claimed(struct zl_socket *socket)
{
    struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (!entry->claimed)
            continue;
        zl_bind_release(socket, entry);
        entry->claimed = false;
        entry->yielded_for = socket->hub->sched.group->serial;
    }
}

bool zl_bind_reclaim(struct zl_socket *socket, unsigned serial, char *why)
{
    struct zl_endpoint_entry *entry;
    bool ok = true;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        entry->claimed = false;
        if (entry->yielded_for <= serial)
            continue;
        ok = zl_bind_entry(socket, entry, why) && ok;
        entry->yielded_for = 0;
    }
    return ok;
}

bool zl_bind_again(struct zl_socket *socket, char *why)
{
    struct zl_endpoint_entry *entry;
    bool ok = true;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (socket->is_unbound && entry->bound)
            ok = zl_bind_entry(socket, entry, why) && ok;
    }
    socket->is_yielding = socket->is_unbound = false;
    return ok;
}
