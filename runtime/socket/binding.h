/* SPDX-License-Identifier: MIT */
/* What a socket is bound and connected to. Used on the loop's thread alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "runtime/zmq/endpoint.h"

struct zl_route;
struct zl_socket;

struct zl_endpoint_entry {
    char text[ZL_ENDPOINT_MAX];
    char *asked; /* bound: as the script gave it, with a free port perhaps */
    bool bound;
    bool wanted;  /* by the generation that uses the socket now */
    bool dropped; /* disconnected by a script whose predecessor may still come back */
    bool claimed; /* bound: another socket is to have it once the next generation serves */
    bool pending; /* to be bound or connected once that generation serves */
    bool ipv6;
    unsigned added_by;      /* the serial of the generation */
    unsigned yielded_for;   /* that of the one whose socket has it now; 0: it is ours */
    struct zl_route *route; /* it is bound or connected on; NULL while it is pending */

    /* Connected: its peer, see peers.h. Moments are on the clock of zl_clock_now, 0 for never. */
    bool is_ready;        /* is there, after its handshake */
    bool was_ready;       /* has been there */
    bool is_refusal_told; /* that it fails in the handshake */
    bool is_absence_told; /* that nobody is there */
    unsigned refusals;    /* in a row */
    unsigned pause_ms;    /* before the next connection, when libzmq makes none */
    const char *reason;   /* of the last refusal, or NULL */
    uint64_t revive_at;   /* to be connected anew, unless libzmq tries again by itself */
    uint64_t miss_at;     /* to be reported as absent */
    SLIST_ENTRY(zl_endpoint_entry) link;
};

/* These return true, or false with the true reason in `why` and nothing changed. bind writes the
 * endpoint really bound into `endpoint` (a free port becomes the chosen one); `asked` is what the
 * script has asked for, by which the next generation finds the socket again. */
bool zl_socket_bind(struct zl_socket *socket, struct zl_endpoint *endpoint, const char *asked,
                    char *why);
bool zl_socket_connect(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why);
bool zl_socket_disconnect(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why);

/* The same when the running generation serves, at an endpoint that another socket yields then. */
bool zl_socket_bind_later(struct zl_socket *socket, const struct zl_endpoint *endpoint,
                          const char *asked, char *why);

/* Gives the bound endpoints up where another socket is to have them; and takes them again: false,
 * with the reason in `why`. */
void zl_socket_yield(struct zl_socket *socket);
bool zl_socket_bind_again(struct zl_socket *socket, char *why);

/* The same for the endpoints of it that have been claimed, and for those yielded to generations
 * after the one with this serial. */
void zl_socket_yield_claimed(struct zl_socket *socket);
bool zl_socket_reclaim(struct zl_socket *socket, unsigned serial, char *why);

/* Binds and connects what is pending. */
void zl_socket_settle(struct zl_socket *socket);

/* Unbinds and disconnects what its tenant no longer names. */
void zl_socket_drop_unwanted(struct zl_socket *socket);

/* libzmq has closed the socket: it has no endpoints any more. */
void zl_socket_forget_endpoints(struct zl_socket *socket);

/* Connects again what a route is connected to; its libzmq socket is a fresh one, or (`is_fresh` is
 * false) the old one, which is disconnected first. */
void zl_socket_attach_again(struct zl_route *route, bool is_fresh);

/* Connects an endpoint anew that libzmq has given up. */
void zl_socket_reconnect(struct zl_endpoint_entry *entry);

/* Its endpoints, those of one route, comma-separated. */
void zl_socket_describe(const struct zl_socket *socket, char *out, size_t size);
void zl_socket_describe_route(const struct zl_route *route, char *out, size_t size);

/* Whether its tenant wants an endpoint that is bound already. */
bool zl_socket_is_bound(const struct zl_socket *socket);

/* Gives its bound endpoints up and ends its connections, for good: the process stops. */
void zl_socket_unlink(struct zl_socket *socket);

/* Whether it has an inproc endpoint. */
bool zl_socket_has_inproc(const struct zl_socket *socket);

/* Whether it has inproc endpoints alone. */
bool zl_socket_is_inproc(const struct zl_socket *socket);
