/* SPDX-License-Identifier: MIT */
/* Sockets owned by the host: a libzmq socket, its endpoints, its counters and the tasks that wait
 * for it. Userdata refer to them by reference count; a socket that nobody refers to is closed. Used
 * on the loop's thread alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "runtime/socket/reply.h"
#include "runtime/socket/delivery.h"
#include "runtime/socket/binding.h"
#include "runtime/zmq/options.h"
#include "runtime/zmq/pattern.h"
#include "runtime/socket/admission.h"
#include "runtime/socket/route.h"
#include "runtime/zmq/subscribers.h"
#include "runtime/zmq/libzmq.h"

struct zl_generation;
struct zl_tenancy;

TAILQ_HEAD(zl_socket_list, zl_socket);

struct zl_socket {
    void *zmq; /* that of the current route; NULL once closed */
    struct zl_route *route;
    struct zl_route_list routes;
    unsigned route_count;
    struct zl_loop *loop;
    const struct zl_pattern *pattern;
    int32_t note; /* bits of ZL_NOTE_* for every message */
    bool is_touched;
    uint64_t sent, received;      /* messages */
    struct zl_lane lanes[2];      /* by enum zl_direction */
    struct zl_options options;    /* a deep copy */
    struct zl_generation *tenant; /* uses it; NULL: kept for the next one. See adoption.h */
    struct zl_tenancy *former;    /* who used it before and may come back */
    bool is_kept;                 /* by a reference of the host's own */
    bool is_bare;                 /* a client's, made without an address */
    bool is_closing;              /* its tenant has closed it, a former one may come back */
    bool is_shared;               /* a sub that may be given what another tenant subscribed to */
    bool is_yielding;             /* another socket is to have its bound endpoints */
    bool is_unbound;              /* and has them */
    int references, weak;         /* all of them; those among them that do not keep it open */
    struct zl_subscribers subscribers; /* pub: what peers hold now */
    struct zl_exchange exchange;
    struct zl_hand_queue
        again; /* messages of a failed generation, or read ahead; before all others */
    struct zl_intake *intake; /* its end, while the process stops; see intake.h */
    SLIST_HEAD(, zl_endpoint_entry) endpoints;
    TAILQ_ENTRY(zl_socket) all, touched;
};

/* What the userdata of senders, receivers, servers and clients begin with. The hot path trusts a
 * handle only when its class is the right one, by address. */
extern const char zl_server_class[], zl_client_class[], zl_sender_class[], zl_receiver_class[];

struct zl_handle {
    const char *class_name;
    struct zl_socket *socket; /* a reference; NULL before there is one */
};

/* A new socket with one reference, or NULL and `why` (ZL_WHY_MAX bytes). Copies the options. */
struct zl_socket *zl_socket_open(struct zl_loop *loop, const struct zl_pattern *pattern,
                                 const struct zl_options *options, char *why);

/* Closes; what was sent is flushed in the background. Idempotent, never blocks or raises. */
void zl_socket_close(struct zl_socket *socket);

/* How long a route that closes now goes on sending, in milliseconds; ZL_DRAIN_DROP when there is
 * nothing to send. */
int zl_socket_linger(const struct zl_socket *socket);

/* A sub may from now on be given (is given no more) what another tenant has subscribed to. */
void zl_socket_share(struct zl_socket *socket, bool shared);

/* Reads one message before a task asks for it, into the queue of those to be given again. False
 * when there is none. Between tasks only. */
bool zl_socket_read_ahead(struct zl_socket *socket);

void zl_socket_ref(struct zl_socket *socket);

/* The last reference closes. Never blocks or raises. */
void zl_socket_unref(struct zl_socket *socket);

/* The host's own reference, while no generation has one. */
void zl_socket_keep(struct zl_socket *socket);
void zl_socket_let_go(struct zl_socket *socket);

/* References that keep the struct but not the socket open, for what tasks remember of it. */
void zl_socket_ref_weak(struct zl_socket *socket);
void zl_socket_unref_weak(struct zl_socket *socket);
