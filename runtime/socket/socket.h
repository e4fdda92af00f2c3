/* SPDX-License-Identifier: MIT */
/* The data of a socket: a libzmq socket or several (its routes), its endpoints, its counters, the
 * tasks that wait for it. What is done with it stands in the rooms around this one, each of which
 * names here what it keeps. Userdata refer to sockets by reference count (sockets.h). Used on the
 * loop's thread alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "runtime/base/quota.h"
#include "runtime/sched/task.h"
#include "runtime/socket/hub.h"
#include "runtime/socket/line.h"
#include "runtime/zmq/endpoint.h"
#include "runtime/zmq/libzmq.h"
#include "runtime/zmq/options.h"
#include "runtime/zmq/pattern.h"
#include "runtime/zmq/subscribers.h"

struct zl_group;
struct zl_intake;
struct zl_monitor;
struct zl_route;
struct zl_route_watch;
struct zl_previous_owner;

/* --- who waits (waitq.h, admission.h) -------------------------------------------------------- */

enum zl_direction { ZL_IN, ZL_OUT };

/* One direction of a socket. */
struct zl_waitq {
    bool slow_path; /* the hot path may not pass without asking zl_admission_check */
    struct zl_task_list waiters;
    struct zl_task *baton; /* was woken for this waitq and has not come back yet */
};

/* --- request and reply (reqrep.h) ------------------------------------------------------------- */

/* The state beside a request or reply socket. */
struct zl_request_state {
    uint32_t id;               /* correlation id of the newest request */
    bool may_be_late;          /* a request was given up, so its reply may still come */
    bool asked;                /* a request waits for its reply */
    bool unsent;               /* its next try waits for a peer */
    bool found_no_peer;        /* the last request timed out before it was sent */
    bool abandoned;            /* the script has waited for the reply, and may ask anew instead */
    int tries;                 /* sent so often */
    struct zl_task *requester; /* NULL once it has ended */
    uint64_t deadline;         /* of this try, on the clock of zl_clock_now; 0 when there is none */
    zmq_msg_t *kept;           /* its frames, while they may have to be sent again */
    unsigned kept_count;
    struct zl_line line; /* request: where it was asked; reply: where it was answered last */
};

/* --- messages in hand (delivery.h) ----------------------------------------------------------- */

struct zl_delivery {
    struct zl_socket *socket; /* a weak reference */
    zmq_msg_t *frames;        /* copies; libzmq shares what is large */
    unsigned count;
    zmq_msg_t *envelope; /* of a request that is to be given again */
    unsigned envelope_count;
    int references;
    int tries;     /* failures with this message in hand */
    bool is_aside; /* given away by a failed generation: no longer in a task's hand */
    bool is_ahead; /* read ahead of the task that will receive it, see intake.h */
    STAILQ_ENTRY(zl_delivery) link;
};

STAILQ_HEAD(zl_delivery_queue, zl_delivery);

/* --- endpoints (endpoints.h, binding.h) -------------------------------------------------- */

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
    bool is_ready;          /* is there, after its handshake */
    bool was_ready;         /* has been there */
    bool is_refusal_logged; /* that it fails in the handshake */
    bool is_absence_logged; /* that nobody is there */
    unsigned refusals;      /* in a row */
    unsigned pause_ms;      /* before the next connection, when libzmq makes none */
    const char *reason;     /* of the last refusal, or NULL */
    uint64_t revive_at;     /* to be connected anew, unless libzmq tries again by itself */
    uint64_t miss_at;       /* to be reported as absent */
    SLIST_ENTRY(zl_endpoint_entry) link;
};

/* --- routes (route.h) ------------------------------------------------------------------------ */

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
    bool is_refusal_logged;
    unsigned owed;        /* request: sent on it without a reply so far */
    unsigned unclear;     /* accepted connections whose handshake may have succeeded */
    uint64_t sent_before; /* messages of the socket when its loss was reported last */
    SLIST_HEAD(zl_connection_list, zl_connection) connections;
    TAILQ_ENTRY(zl_route) link;
};

TAILQ_HEAD(zl_route_list, zl_route);

/* --- what is refused (refusals.h) ------------------------------------------------------------ */

enum zl_refusal {
    ZL_REFUSAL_LARGE,    /* a frame above max_message_size */
    ZL_REFUSAL_FRAMES,   /* too many of them */
    ZL_REFUSAL_ENVELOPE, /* a request without one */
    ZL_REFUSAL_STRAY,    /* answers no request */
    ZL_REFUSAL_LATE,     /* a reply that answers none any more */
    ZL_REFUSAL_LEFT,     /* a peer that takes along what was queued for it */
    ZL_REFUSAL_KINDS
};

/* --- the socket ------------------------------------------------------------------------------ */

struct zl_socket {
    void *zmq; /* that of the current route; NULL once closed */
    struct zl_route *route;
    struct zl_route_list routes;
    unsigned route_count;
    struct zl_hub *hub;
    const struct zl_pattern *pattern;
    int32_t flags; /* bits of ZL_FLAG_* for every message */
    bool is_dirty;
    uint64_t sent, received;            /* messages */
    unsigned heard_by;                  /* the serial of the group that received from it last */
    struct zl_waitq waitqs[2];          /* by enum zl_direction */
    struct zl_options options;          /* a deep copy */
    struct zl_group *owner;             /* uses it; NULL: kept for the next one. See owners.h */
    struct zl_previous_owner *previous; /* who used it before and may come back */
    bool is_pinned;                     /* by a reference of the host's own */
    bool is_bare;                       /* a client's, made without an address */
    bool is_closing;                    /* its owner has closed it, a previous one may come back */
    bool is_shared;   /* a sub that may be given what another owner subscribed to */
    bool is_yielding; /* another socket is to have its bound endpoints */
    bool is_unbound;  /* and has them */
    int strong, weak; /* references, see socket.h; an open socket has a strong one */
    struct zl_subscribers subscribers; /* pub: what peers hold now */
    struct zl_request_state request;
    struct zl_delivery_queue
        again; /* messages of a failed generation, or read ahead; before all others */
    struct zl_intake *intake; /* its end, while the process stops; see intake.h */
    bool is_fed_within;       /* at the end: by this process, over TCP or ipc; see drain.c */
    bool is_cut;              /* that has come: nothing more is taken off libzmq */
    bool holds_output;        /* nothing is sent now: its replies would bring more requests */
    struct zl_quota refusals[ZL_REFUSAL_KINDS];
    SLIST_HEAD(, zl_endpoint_entry) endpoints;
    TAILQ_ENTRY(zl_socket) all, dirty;
};

/* What the userdata of senders, receivers, servers and clients begin with. The hot path trusts a
 * handle only when its class is the right one, by address. */
extern const char zl_server_class[], zl_client_class[], zl_sender_class[], zl_receiver_class[];

struct zl_handle {
    const char *class_name;
    struct zl_socket *socket; /* a reference; NULL before there is one */
};

/* Whether the socket is a request's, and nothing that it sent is wanted any more. */
static inline bool zl_reqrep_is_over(const struct zl_socket *socket)
{
    const struct zl_request_state *request = &socket->request;
    return socket->pattern->id == ZL_REQUEST && (!request->asked || request->abandoned);
}

/* References. A strong one keeps the socket open, a weak one the data alone: that is for what tasks
 * and libuv's handles remember of it. */
void zl_socket_ref(struct zl_socket *socket);
void zl_socket_ref_weak(struct zl_socket *socket);
void zl_socket_unref_weak(struct zl_socket *socket);

/* Frees the data of one that nobody refers to. */
void zl_socket_free_unused(struct zl_socket *socket);
