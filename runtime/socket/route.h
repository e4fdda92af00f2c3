/* SPDX-License-Identifier: MIT */
/* A route: one libzmq socket behind a socket of the host, with its monitor. A push, request or pair
 * that connects has a route for each address, and a message is put into one only while a peer that
 * speaks the pattern is at its other end (libzmq itself queues for anybody who may be there one
 * day, and drops the queue of one that turns out to speak something else). What was put into a
 * route goes to that peer, also when it has left and comes back. Every other socket has one route
 * for all its endpoints. Used on the loop's thread alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "runtime/socket/socket.h"

/* What is done about a route by the rooms above it. One for the process. */
struct zl_route_ops {
    /* Its descriptor tells of news. */
    void (*on_readable)(struct zl_socket *socket);
    /* The moment of zl_route_call_later has come. */
    void (*on_time)(struct zl_route *route);
    /* A zl_monitor_event; `arg` is the route. */
    void (*on_event)(void *arg, unsigned event, uint32_t value, const char *endpoint);
    /* A peer is there for a request. */
    void (*on_peer)(struct zl_socket *socket);
    /* Connects again what it is connected to; its libzmq socket is a fresh one, or (`is_fresh` is
     * false) the old one, which is disconnected first. */
    void (*attach)(struct zl_route *route, bool is_fresh);
    /* Connects an endpoint anew that libzmq has given up. */
    void (*reconnect)(struct zl_endpoint_entry *entry);
};

/* What peers can send without end, and no task takes, is read for so long at a time. */
enum { ZL_ROUTE_READ_MS = 2 };

/* Adds a route to the socket: NULL and `why` (ZL_WHY_MAX bytes). */
struct zl_route *zl_route_open(struct zl_socket *socket, char *why);

/* Closes it. What it has not sent yet is sent for up to `linger_ms` in the background, and what is
 * lost of it is reported; ZL_LINGER_DROP drops it. `is_last`: with the socket, which is kept until
 * libuv has let go of it. */
void zl_route_close(struct zl_route *route, int linger_ms, bool is_last);

/* Puts a fresh libzmq socket in the place of its own, at the same endpoints: what was sent and not
 * written yet is withdrawn, and what peers have sent meanwhile never arrives. */
void zl_route_renew(struct zl_route *route);

/* Makes sure that the route is watched before it gets an endpoint beyond this process. */
bool zl_route_watch_peers(struct zl_route *route, char *why);

/* Forgets a connection of the route. */
void zl_route_forget(struct zl_route *route, struct zl_connection *connection);

/* Makes a route with a peer the current one of the socket; false when none has one. zl_route_next
 * takes the one after the current, so that messages go out in turn. */
bool zl_route_select(struct zl_socket *socket);
bool zl_route_next(struct zl_socket *socket);

/* Makes one with something to receive the current one, if there is any. */
void zl_route_select_readable(struct zl_socket *socket);

/* A peer is there (is there no more) for what is sent on the route. */
void zl_route_set_peer(struct zl_route *route, bool has_peer);

/* Sees to it that zl_route_ops.on_time is called for the route in `delay_ms`, or sooner. */
void zl_route_call_later(struct zl_route *route, uint64_t delay_ms);

/* How long a route that closes now goes on sending, in milliseconds; ZL_LINGER_DROP when there is
 * nothing to send. */
int zl_route_linger(const struct zl_socket *socket);

/* ZMQ_EVENTS of all its routes, with ZMQ_POLLOUT only where a peer is there. libzmq works off what
 * it knows, and notices a new peer, only when it is asked. */
int zl_route_ask_events(const struct zl_socket *socket);
