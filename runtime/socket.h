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

#include "runtime/endpoint.h"
#include "runtime/exchange.h"
#include "runtime/hand.h"
#include "runtime/pattern.h"
#include "runtime/readiness.h"
#include "runtime/zmq.h"

struct zl_generation;
struct zl_tenancy;

TAILQ_HEAD(zl_socket_list, zl_socket);

struct zl_bytes {
    const char *data; /* may hold NUL */
    size_t size;
};

/* What a pattern is made with. Times are seconds, sizes bytes. */
struct zl_options {
    int send_hwm, receive_hwm; /* messages; 0 = no limit */
    double timeout;            /* of a send that must wait, of a reply; < 0 = none */
    int retries;
    int64_t max_message_size;
    bool immediate, conflate, lossless, embed_topic, exact;
    int heartbeat;           /* milliseconds; 0 = off */
    const char *name;        /* NULL for none */
    struct zl_bytes topic;   /* pub */
    struct zl_bytes *topics; /* sub */
    size_t topic_count;
    bool is_plain; /* set by zl_options_copy: neither topics nor a choice of messages to look after
                    */
};

struct zl_endpoint_entry {
    char text[ZL_ENDPOINT_MAX];
    char *asked; /* bound: as the script gave it, with a free port perhaps */
    bool bound;
    bool wanted;  /* by the generation that uses the socket now */
    bool dropped; /* disconnected by a script whose predecessor may still come back */
    bool pending; /* to be connected once that generation serves */
    bool ipv6;
    unsigned added_by; /* the serial of the generation */
    SLIST_ENTRY(zl_endpoint_entry) link;
};

struct zl_socket {
    void *zmq; /* NULL once closed */
    struct zl_loop *loop;
    const struct zl_pattern *pattern;
    int32_t note; /* bits of ZL_NOTE_* for every message */
    bool is_touched;
    uint64_t sent, received;      /* messages */
    struct zl_lane lanes[2];      /* by enum zl_direction */
    struct zl_options options;    /* a deep copy */
    struct zl_generation *tenant; /* uses it; NULL: kept for the next one. See tenancy.h */
    struct zl_tenancy *former;    /* who used it before and may come back */
    bool is_kept;                 /* by a reference of the host's own */
    bool is_bare;                 /* a client's, made without an address */
    bool is_closing;              /* its tenant has closed it, a former one may come back */
    bool is_shared;               /* a sub that may be given what another tenant subscribed to */
    bool is_yielded;              /* its bound endpoints were given to another socket */
    int references, weak;         /* all of them; those among them that do not keep it open */
    long subscriptions;           /* pub: held by peers now */
    struct zl_exchange exchange;
    struct zl_hand_queue again; /* messages of a failed generation, before all others */
    SLIST_HEAD(, zl_endpoint_entry) endpoints;
    uv_poll_t poll;
    TAILQ_ENTRY(zl_socket) all, touched;
};

/* What the userdata of senders, receivers, servers and clients begin with. The hot path trusts a
 * handle only when its class is the right one, by address. */
extern const char zl_server_class[], zl_client_class[], zl_sender_class[], zl_receiver_class[];

struct zl_handle {
    const char *class_name;
    struct zl_socket *socket; /* a reference; NULL before there is one */
};

/* A deep copy of options; false without memory. And its end. */
bool zl_options_copy(struct zl_options *to, const struct zl_options *from);
void zl_options_fini(struct zl_options *options);

/* A sub may from now on be given (is given no more) what another tenant has subscribed to. */
void zl_socket_share(struct zl_socket *socket, bool shared);

/* Whether the topic is one of a sub's. */
bool zl_options_have_topic(const struct zl_options *options, const struct zl_bytes *topic);

/* A new socket with one reference, or NULL and `why` (ZL_WHY_MAX bytes). Copies the options. */
struct zl_socket *zl_socket_open(struct zl_loop *loop, const struct zl_pattern *pattern,
                                 const struct zl_options *options, char *why);

/* Closes; what was sent is flushed in the background. Idempotent, never blocks or raises. */
void zl_socket_close(struct zl_socket *socket);

void zl_socket_ref(struct zl_socket *socket);

/* The last reference closes. Never blocks or raises. */
void zl_socket_unref(struct zl_socket *socket);

/* The host's own reference, while no generation has one. */
void zl_socket_keep(struct zl_socket *socket);
void zl_socket_let_go(struct zl_socket *socket);

/* References that keep the struct but not the socket open, for what tasks remember of it. */
void zl_socket_ref_weak(struct zl_socket *socket);
void zl_socket_unref_weak(struct zl_socket *socket);

/* These return true, or false with the true reason in `why` and nothing changed. bind writes the
 * endpoint really bound into `endpoint` (a free port becomes the chosen one); `asked` is what the
 * script has asked for, by which the next generation finds the socket again. */
bool zl_socket_bind(struct zl_socket *socket, struct zl_endpoint *endpoint, const char *asked,
                    char *why);
bool zl_socket_connect(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why);
bool zl_socket_disconnect(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why);

/* Gives the bound endpoints up, and takes them again: false, with the reason in `why`. */
void zl_socket_yield(struct zl_socket *socket);
bool zl_socket_bind_again(struct zl_socket *socket, char *why);

/* Connects what is pending. */
void zl_socket_settle(struct zl_socket *socket);

/* Unbinds and disconnects what its tenant no longer names. */
void zl_socket_drop_unwanted(struct zl_socket *socket);

/* Its endpoints, comma-separated. */
void zl_socket_describe(const struct zl_socket *socket, char *out, size_t size);

/* Whether its tenant wants an endpoint that is bound already. */
bool zl_socket_is_bound(const struct zl_socket *socket);

/* Whether it has inproc endpoints alone. */
bool zl_socket_is_inproc(const struct zl_socket *socket);
