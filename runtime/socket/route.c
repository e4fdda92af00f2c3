/* SPDX-License-Identifier: MIT */
/* See route.h. */
#include "runtime/socket/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/limits.h"
#include "runtime/base/reason.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/socket.h"
#include "runtime/socket/waitq.h"
#include "runtime/zmq/call.h"
#include "runtime/zmq/context.h"
#include "runtime/zmq/linger.h"
#include "runtime/zmq/monitor.h"
#include "runtime/zmq/sockopt.h"
#include "runtime/zmq/accepted.h"

/* libuv's handles for a route's libzmq socket; they go a turn of the loop later than it. */
struct zl_route_watch {
    struct zl_route *route;   /* NULL once it was left */
    struct zl_socket *socket; /* to be released with the handles; or NULL */
    int handles;
    uv_poll_t poll;
    uv_timer_t timer;
};

static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct zl_route_watch *watch = poll->data;
    (void)status;
    (void)events;
    if (watch->route)
        watch->route->socket->hub->route_ops->on_readable(watch->route->socket);
}

static void on_timer(uv_timer_t *timer)
{
    const struct zl_route_watch *watch = timer->data;
    if (watch->route)
        watch->route->socket->hub->route_ops->on_time(watch->route);
}

static void handle_closed(uv_handle_t *handle)
{
    struct zl_route_watch *watch = handle->data;
    if (--watch->handles > 0)
        return;
    if (watch->socket)
        zl_socket_unref_weak(watch->socket);
    free(watch);
}

static void unwatch(struct zl_route_watch *watch, struct zl_socket *socket)
{
    watch->route = NULL;
    watch->socket = socket;
    if (socket)
        zl_socket_ref_weak(socket);
    uv_close((uv_handle_t *)&watch->poll, handle_closed);
    uv_close((uv_handle_t *)&watch->timer, handle_closed);
}

static struct zl_route_watch *watch_descriptor(uv_loop_t *uv, struct zl_route *route, int fd)
{
    struct zl_route_watch *watch = calloc(1, sizeof *watch);
    if (!watch || uv_poll_init(uv, &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    uv_timer_init(uv, &watch->timer);
    watch->route = route;
    watch->handles = 2;
    watch->poll.data = watch->timer.data = watch;
    uv_poll_start(&watch->poll, UV_READABLE, on_poll);
    return watch;
}

/* Gives the route a libzmq socket of its own. */
static bool open_zmq(struct zl_route *route, char *why)
{
    const struct zl_socket *socket = route->socket;
    int fd = -1;
    size_t size = sizeof fd;
    void *context = zl_context_get(why);
    if (!context || !zl_limits_headroom(ZL_HEADROOM, why))
        return false;
    void *zmq = zmq_socket(context, socket->pattern->zmq_type);
    if (!zmq || !zl_sockopt_apply(zmq, socket->pattern, &socket->options) ||
        zl_call_ask(zmq, ZMQ_FD, &fd, &size) != 0) {
        snprintf(why, ZL_WHY_MAX, "libzmq gave no socket: %s", zmq_strerror(zmq_errno()));
    } else if (!(route->watch = watch_descriptor(socket->hub->sched.uv, route, fd))) {
        snprintf(why, ZL_WHY_MAX, "the event loop takes no more sockets");
    } else {
        route->zmq = zmq;
        return true;
    }
    if (zmq)
        zmq_close(zmq);
    return false;
}

static void use(struct zl_route *route)
{
    route->socket->route = route;
    route->socket->zmq = route->zmq;
}

struct zl_route *zl_route_open(struct zl_socket *socket, char *why)
{
    struct zl_route *route = calloc(1, sizeof *route);
    if (!route) {
        snprintf(why, ZL_WHY_MAX, "not enough memory for a socket");
        return NULL;
    }
    route->socket = socket;
    SLIST_INIT(&route->connections);
    if (!open_zmq(route, why)) {
        free(route);
        return NULL;
    }
    route->has_peer = !socket->pattern->awaits_peer;
    TAILQ_INSERT_TAIL(&socket->routes, route, link);
    socket->route_count++;
    if (!socket->route)
        use(route);
    return route;
}

void zl_route_forget(struct zl_route *route, struct zl_connection *connection)
{
    SLIST_REMOVE(&route->connections, connection, zl_connection, link);
    if (connection->duplicate >= 0)
        close(connection->duplicate);
    free(connection);
}

static void forget_connections(struct zl_route *route)
{
    while (!SLIST_EMPTY(&route->connections))
        zl_route_forget(route, SLIST_FIRST(&route->connections));
    route->unclear = 0;
}

/* Connections that carry what was sent. A peer of reply or pub that leaves loses what was for it by
 * its own doing. */
static const struct zl_linger_fds *find_carriers(const struct zl_route *route,
                                                 struct zl_linger_fds *carriers)
{
    const struct zl_connection *connection;
    carriers->count = 0;
    carriers->are_accepted = route->is_bound;
    if (!route->socket->pattern->awaits_peer)
        return NULL;
    SLIST_FOREACH(connection, &route->connections, link)
    {
        if ((connection->is_ready || route->is_bound) && carriers->count < ZL_LINGER_CONNECTIONS)
            carriers->fds[carriers->count++] = connection->fd;
    }
    return carriers;
}

/* All the connections that the route has; NULL when it may have others than accepted ones. */
static struct zl_accepted *find_accepted(const struct zl_route *route, struct zl_accepted *accepted)
{
    const struct zl_connection *connection;
    const struct zl_endpoint_entry *entry;
    *accepted = (struct zl_accepted){0};
    if (!route->is_bound || !route->monitor)
        return NULL;
    SLIST_FOREACH(entry, &route->socket->endpoints, link)
    {
        if (!entry->bound || zl_endpoints_is_inproc(entry->text))
            return NULL;
    }
    SLIST_FOREACH(connection, &route->connections, link)
    zl_accepted_add(accepted, connection->fd);
    return accepted;
}

void zl_route_close(struct zl_route *route, int linger_ms, bool is_last)
{
    struct zl_socket *socket = route->socket;
    char name[ZL_WHY_MAX];
    struct zl_linger_fds carriers;
    struct zl_accepted accepted;
    zl_endpoints_describe_route(route, name, sizeof name);
    if (route->monitor)
        zl_monitor_read(route->monitor, 0); /* what happened before the close does not count */
    zl_linger_close(socket->hub->sched.uv, route->zmq, route->monitor, name, linger_ms,
                    find_carriers(route, &carriers), find_accepted(route, &accepted));
    unwatch(route->watch, is_last ? socket : NULL);
    forget_connections(route);
    TAILQ_REMOVE(&socket->routes, route, link);
    socket->route_count--;
    socket->waitqs[ZL_OUT].slow_path = true;
    if (socket->route == route) {
        socket->route = NULL;
        socket->zmq = NULL;
        if (!TAILQ_EMPTY(&socket->routes))
            use(TAILQ_FIRST(&socket->routes));
    }
    free(route);
}

void zl_route_renew(struct zl_route *route)
{
    struct zl_socket *socket = route->socket;
    const struct zl_route old = *route;
    char why[ZL_WHY_MAX];
    bool is_fresh = open_zmq(route, why); /* otherwise its connections alone are made anew */
    if (is_fresh) {
        zl_linger_close(socket->hub->sched.uv, old.zmq, old.monitor, "", ZL_LINGER_DROP, NULL,
                        NULL);
        unwatch(old.watch, NULL);
        forget_connections(route);
        route->monitor = NULL;
        zl_route_call_later(route, 0); /* the old timer is gone */
    }
    route->owed = 0;
    if (socket->route == route)
        use(route);
    if (socket->pattern->awaits_peer)
        zl_route_set_peer(route, false);
    socket->hub->route_ops->attach(route, is_fresh);
    zl_waitq_mark_dirty(socket);
}

bool zl_route_watch_peers(struct zl_route *route, char *why)
{
    if (!route->monitor)
        route->monitor = zl_monitor_open(route->socket->hub->sched.uv, route->zmq,
                                         route->socket->hub->route_ops->on_event, route, why);
    return route->monitor != NULL;
}

void zl_route_call_later(struct zl_route *route, uint64_t delay_ms)
{
    uv_timer_t *timer = &route->watch->timer;
    uv_update_time(timer->loop);
    if (!uv_is_active((uv_handle_t *)timer) || uv_timer_get_due_in(timer) > delay_ms)
        uv_timer_start(timer, on_timer, delay_ms, 0);
}

bool zl_route_next(struct zl_socket *socket)
{
    struct zl_route *route = socket->route;
    for (unsigned i = 0; i < socket->route_count; i++) {
        route = TAILQ_NEXT(route, link);
        if (!route)
            route = TAILQ_FIRST(&socket->routes);
        if (route->has_peer) {
            use(route);
            return true;
        }
    }
    return false;
}

bool zl_route_select(struct zl_socket *socket)
{
    return socket->route->has_peer || zl_route_next(socket);
}

static bool is_readable(void *zmq)
{
    int events = 0;
    size_t size = sizeof events;
    return zl_call_ask(zmq, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
}

/* All are asked: a descriptor goes on telling until its socket was. */
void zl_route_select_readable(struct zl_socket *socket)
{
    struct zl_route *route;
    TAILQ_FOREACH(route, &socket->routes, link)
    {
        if (is_readable(route->zmq))
            use(route);
    }
}

void zl_route_set_peer(struct zl_route *route, bool has_peer)
{
    struct zl_socket *socket = route->socket;
    route->has_peer = has_peer;
    socket->waitqs[ZL_OUT].slow_path = true; /* who sends next looks which route has one */
    zl_waitq_mark_dirty(socket);
    if (has_peer && socket->pattern->id == ZL_REQUEST)
        socket->hub->route_ops->on_peer(socket);
}

int zl_route_linger(const struct zl_socket *socket)
{
    enum { LEAST_MS = 10 }; /* for what an I/O thread only has to pick up */
    const struct zl_hub *hub = socket->hub;
    uint64_t now = zl_clock_now();
    double left = hub->drain_timeout * 1000;
    if (socket->sent == 0 || zl_reqrep_is_over(socket))
        return ZL_LINGER_DROP;
    if (hub->drain_deadline > 0)
        left = now < hub->drain_deadline ? (double)(hub->drain_deadline - now) / 1e6 : 0;
    return left > LEAST_MS ? (int)left : LEAST_MS;
}

/* ZMQ_EVENTS of all its routes. */
int zl_route_ask_events(const struct zl_socket *socket)
{
    const struct zl_route *route;
    int all = 0;
    TAILQ_FOREACH(route, &socket->routes, link)
    {
        int events = 0;
        size_t size = sizeof events;
        if (zl_call_ask(route->zmq, ZMQ_EVENTS, &events, &size) == 0)
            all |= route->has_peer ? events : events & ~ZMQ_POLLOUT;
    }
    return all;
}
