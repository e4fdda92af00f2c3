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

#include "runtime/zmq/endpoint.h"

struct zl_endpoint_entry;
struct zl_monitor;
struct zl_route_watch;
struct zl_socket;

/* A connection under a route, as its monitor has told. */
struct zl_connection {
    int fd;           /* libzmq's; closed by its I/O thread, perhaps just now */
    bool is_accepted; /* at a bound endpoint */
    bool is_ready;    /* its handshake has succeeded */
    int duplicate; /* of a sender's accepted connection, to see what its end takes along; or -1 */
    SLIST_ENTRY(zl_connection) link;
};

struct zl_route {
    struct zl_socket *socket;
    void *zmq;
    struct zl_monitor *monitor; /* NULL while it has no endpoint beyond this process */
    struct zl_route_watch *watch;
    bool has_peer; /* what is sent now goes to a peer after its handshake */
    bool is_bound; /* peers come to it */
    bool is_refusal_told;
    unsigned owed;        /* request: sent on it without a reply so far */
    unsigned unclear;     /* accepted connections whose handshake may have succeeded */
    uint64_t sent_before; /* messages of the socket when its loss was reported last */
    SLIST_HEAD(zl_connection_list, zl_connection) connections;
    TAILQ_ENTRY(zl_route) link;
};

TAILQ_HEAD(zl_route_list, zl_route);

/* Adds a route to the socket: NULL and `why` (ZL_WHY_MAX bytes). */
struct zl_route *zl_route_open(struct zl_socket *socket, char *why);

/* Closes it. What it has not sent yet is sent for up to `linger_ms` in the background, and what is
 * lost of it is reported; ZL_DRAIN_DROP drops it. `is_last`: with the socket, which is kept until
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

/* Sees to it that zl_peers_turn is called for the route in `delay_ms`, or sooner. */
void zl_route_call_later(struct zl_route *route, uint64_t delay_ms);
