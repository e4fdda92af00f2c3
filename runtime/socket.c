/* SPDX-License-Identifier: MIT */
/* See socket.h. Readiness: a socket's descriptor is watched by libuv from its first day to its
 * last. That descriptor only says that libzmq has news; ZMQ_EVENTS says which. Because any call
 * into libzmq may swallow the news, every touched socket is asked once more before the loop sleeps.
 */
#include "runtime/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "runtime/context.h"
#include "runtime/drain.h"
#include "runtime/hot.h"
#include "runtime/log.h"
#include "runtime/loop.h"
#include "runtime/portowner.h"
#include "runtime/tenancy.h"
#include "runtime/wire.h"

const char zl_server_class[] = "zlrun.server", zl_client_class[] = "zlrun.client",
           zl_sender_class[] = "zlrun.sender", zl_receiver_class[] = "zlrun.receiver";

/* Descriptors that an operation may need at once, inside libzmq's threads too. */
enum { HEADROOM = 8 };

/* --- open and close -------------------------------------------------------------------------- */

void zl_options_fini(struct zl_options *options)
{
    free((char *)options->name);
    free((char *)options->topic.data);
    for (size_t i = 0; i < options->topic_count; i++)
        free((char *)options->topics[i].data);
    free(options->topics);
    memset(options, 0, sizeof *options);
}

static bool copy_bytes(struct zl_bytes *to, const struct zl_bytes *from)
{
    char *copy = malloc(from->size + 1);
    if (!copy)
        return false;
    if (from->size > 0)
        memcpy(copy, from->data, from->size);
    to->data = copy;
    to->size = from->size;
    return true;
}

bool zl_options_have_topic(const struct zl_options *options, const struct zl_bytes *topic)
{
    for (size_t i = 0; i < options->topic_count; i++)
        if (options->topics[i].size == topic->size &&
            memcmp(options->topics[i].data, topic->data, topic->size) == 0)
            return true;
    return false;
}

static bool is_plain(const struct zl_options *options)
{
    return options->topic.size == 0 && !options->embed_topic && !options->exact &&
           !options->conflate;
}

void zl_socket_share(struct zl_socket *socket, bool shared)
{
    socket->is_shared = shared && socket->pattern->id == ZL_SUB;
    socket->options.is_plain = is_plain(&socket->options) && !socket->is_shared;
}

bool zl_options_copy(struct zl_options *to, const struct zl_options *from)
{
    *to = *from;
    to->is_plain = is_plain(from);
    to->name = from->name ? strdup(from->name) : NULL;
    to->topics = calloc(from->topic_count + 1, sizeof *to->topics);
    to->topic_count = 0;
    bool ok = copy_bytes(&to->topic, &from->topic) && to->topics && (to->name || !from->name);
    if (!ok && to->topic.data == from->topic.data)
        to->topic.data = NULL;
    for (size_t i = 0; ok && i < from->topic_count; i++) {
        if (zl_options_have_topic(to, &from->topics[i]))
            continue;
        ok = copy_bytes(&to->topics[to->topic_count], &from->topics[i]);
        to->topic_count += ok;
    }
    if (!ok)
        zl_options_fini(to);
    return ok;
}

static bool set_int(void *zmq, int option, int value)
{
    return zmq_setsockopt(zmq, option, &value, sizeof value) == 0;
}

static bool apply_options(void *zmq, const struct zl_pattern *pattern,
                          const struct zl_options *options)
{
    enum { HANDSHAKE_MS = 30000 };
    int64_t largest = options->max_message_size;
    /* libzmq would go on counting the subscriptions of a peer that a pub connects to and that left.
     */
    bool immediate = options->immediate || pattern->id == ZL_PUB;
    bool ok = set_int(zmq, ZMQ_SNDHWM, options->send_hwm) &&
              set_int(zmq, ZMQ_RCVHWM, options->conflate ? 0 : options->receive_hwm) &&
              set_int(zmq, ZMQ_IMMEDIATE, immediate) &&
              set_int(zmq, ZMQ_HEARTBEAT_IVL, options->heartbeat) &&
              set_int(zmq, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) && set_int(zmq, ZMQ_LINGER, 0) &&
              zmq_setsockopt(zmq, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0;
    switch (pattern->id) {
    case ZL_PUB:
        return ok && set_int(zmq, ZMQ_XPUB_VERBOSER, 1) &&
               set_int(zmq, ZMQ_XPUB_NODROP, options->lossless);
    case ZL_REPLY:
        return ok && set_int(zmq, ZMQ_ROUTER_MANDATORY, 1);
    case ZL_SUB:
        for (size_t i = 0; ok && i < options->topic_count; i++)
            ok = zmq_setsockopt(zmq, ZMQ_SUBSCRIBE, options->topics[i].data,
                                options->topics[i].size) == 0;
        return ok;
    default:
        return ok;
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    zl_socket_notify(poll->data);
}

struct zl_socket *zl_socket_open(struct zl_loop *loop, const struct zl_pattern *pattern,
                                 const struct zl_options *options, char *why)
{
    struct zl_socket *socket = NULL;
    void *zmq = NULL;
    int fd = -1;
    size_t size = sizeof fd;
    void *context = zl_context_get(why);
    if (!context || !zl_context_headroom(HEADROOM, why))
        goto out;
    if (loop->socket_count >= ZL_SOCKETS_MAX) {
        snprintf(why, ZL_WHY_MAX, "%d sockets are open, more than zlrun allows", ZL_SOCKETS_MAX);
        goto out;
    }
    socket = calloc(1, sizeof *socket);
    if (!socket || !zl_options_copy(&socket->options, options)) {
        snprintf(why, ZL_WHY_MAX, "not enough memory for a socket");
        goto out;
    }
    zmq = zmq_socket(context, pattern->zmq_type);
    if (!zmq || !apply_options(zmq, pattern, &socket->options) ||
        zl_wire_ask(zmq, ZMQ_FD, &fd, &size) != 0) {
        snprintf(why, ZL_WHY_MAX, "libzmq gave no socket: %s", zmq_strerror(zmq_errno()));
        goto out;
    }
    if (uv_poll_init(&loop->uv, &socket->poll, fd) != 0) {
        snprintf(why, ZL_WHY_MAX, "the event loop takes no more sockets");
        goto out;
    }
    socket->zmq = zmq;
    socket->loop = loop;
    socket->tenant = loop->generation;
    socket->pattern = pattern;
    socket->references = 2; /* the caller's and the poll handle's */
    socket->note = pattern->id == ZL_REQUEST || pattern->id == ZL_REPLY ? ZL_NOTE_LINE : 0;
    SLIST_INIT(&socket->endpoints);
    STAILQ_INIT(&socket->again);
    TAILQ_INIT(&socket->lanes[ZL_IN].waiters);
    TAILQ_INIT(&socket->lanes[ZL_OUT].waiters);
    socket->lanes[ZL_IN].gate = loop->phase != ZL_RUNNING || loop->generation->life != ZL_SERVING;
    TAILQ_INSERT_TAIL(&loop->sockets, socket, all);
    loop->socket_count++;
    atomic_store_explicit(&loop->watchdog.crowded, true, memory_order_relaxed);
    socket->poll.data = socket;
    uv_poll_start(&socket->poll, UV_READABLE, on_poll);
    zl_socket_touch(socket);
    return socket;
out:
    if (zmq)
        zmq_close(zmq);
    if (socket)
        zl_options_fini(&socket->options);
    free(socket);
    return NULL;
}

static void poll_closed(uv_handle_t *handle)
{
    zl_socket_unref(handle->data);
}

static void forget_endpoint(struct zl_socket *socket, struct zl_endpoint_entry *entry)
{
    SLIST_REMOVE(&socket->endpoints, entry, zl_endpoint_entry, link);
    free(entry->asked);
    free(entry);
}

void zl_socket_close(struct zl_socket *socket)
{
    struct zl_loop *loop = socket->loop;
    socket->is_closing = true;
    if (!socket->zmq || (socket->former && loop->phase != ZL_ENDED)) {
        socket->lanes[ZL_IN].gate = socket->lanes[ZL_OUT].gate = true;
        return;
    }
    if (socket->is_touched)
        TAILQ_REMOVE(&loop->touched, socket, touched);
    socket->is_touched = false;
    uv_close((uv_handle_t *)&socket->poll, poll_closed);
    zl_hand_forget(socket);
    char name[ZL_WHY_MAX];
    zl_socket_describe(socket, name, sizeof name);
    int linger = loop->drain_deadline == 0
                     ? (int)(loop->drain_timeout * 1000)
                     : (int)((int64_t)(loop->drain_deadline - zl_loop_now()) / 1000000);
    zl_drain_close(socket->zmq, name, socket->sent > 0, linger > 0 ? linger : 0);
    socket->zmq = NULL;
    TAILQ_REMOVE(&loop->sockets, socket, all);
    loop->socket_count--;
    for (int i = ZL_IN; i <= ZL_OUT; i++) {
        socket->lanes[i].gate = true;
        zl_lane_wake_all(&socket->lanes[i], ZL_WAKE_READY);
    }
    while (!SLIST_EMPTY(&socket->endpoints)) {
        if (SLIST_FIRST(&socket->endpoints)->bound)
            loop->unbound = zl_loop_now();
        forget_endpoint(socket, SLIST_FIRST(&socket->endpoints));
    }
    zl_exchange_fini(&socket->exchange);
    zl_tenancy_forget(socket);
    zl_socket_let_go(socket);
}

void zl_socket_ref(struct zl_socket *socket)
{
    socket->references++;
}

void zl_socket_unref(struct zl_socket *socket)
{
    /* The poll handle of an open socket holds the last one that is not weak. */
    if (--socket->references == socket->weak + 1 && socket->zmq)
        zl_socket_close(socket);
    if (socket->references > 0)
        return;
    zl_options_fini(&socket->options);
    free(socket);
}

void zl_socket_keep(struct zl_socket *socket)
{
    if (!socket->is_kept)
        zl_socket_ref(socket);
    socket->is_kept = true;
}

void zl_socket_let_go(struct zl_socket *socket)
{
    bool was_kept = socket->is_kept;
    socket->is_kept = false;
    if (was_kept)
        zl_socket_unref(socket);
}

void zl_socket_ref_weak(struct zl_socket *socket)
{
    socket->references++;
    socket->weak++;
}

void zl_socket_unref_weak(struct zl_socket *socket)
{
    socket->weak--;
    zl_socket_unref(socket);
}

/* --- endpoints ------------------------------------------------------------------------------- */

static struct zl_endpoint_entry *remember_endpoint(struct zl_socket *socket, const char *text,
                                                   char *why)
{
    struct zl_endpoint_entry *entry = calloc(1, sizeof *entry);
    if (!entry) {
        snprintf(why, ZL_WHY_MAX, "not enough memory");
        return NULL;
    }
    snprintf(entry->text, sizeof entry->text, "%s", text);
    entry->wanted = true;
    entry->added_by = socket->loop->generation->serial;
    SLIST_INSERT_HEAD(&socket->endpoints, entry, link);
    return entry;
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
    int rc = zl_wire_bind(zmq, text);
    int error = errno;
    umask(before);
    errno = error;
    return rc;
}

/* libzmq gives a closed socket's endpoints back in the background. While this thread closed one
 * just now, lets a moment pass and says true: what is taken may be free then. */
static bool is_being_given_back(const struct zl_loop *loop)
{
    enum { MOST_NS = 200000000 };
    const struct timespec moment = {.tv_nsec = 1000000};
    return zl_loop_now() - loop->unbound < MOST_NS && nanosleep(&moment, NULL) == 0;
}

/* Binds `text`, waiting a moment for what this thread gives back; 0 or the error. */
static int bind_soon(struct zl_socket *socket, const char *text)
{
    while (bind_private(socket->zmq, text) != 0) {
        int error = zmq_errno();
        if (error != EADDRINUSE || !is_being_given_back(socket->loop))
            return error;
    }
    return 0;
}

bool zl_socket_bind(struct zl_socket *socket, struct zl_endpoint *endpoint, const char *asked,
                    char *why)
{
    while (endpoint->transport == ZL_IPC && !zl_endpoint_ipc_free(endpoint, why))
        if (!is_being_given_back(socket->loop))
            return false;
    if (!zl_context_headroom(HEADROOM, why))
        return false;
    /* "*" takes both families; libzmq falls back to IPv4 where there is no IPv6. */
    set_int(socket->zmq, ZMQ_IPV6, endpoint->ipv6 || strcmp(endpoint->host, "*") == 0);
    char *kept = strdup(asked);
    int error = kept ? bind_soon(socket, endpoint->text) : ENOMEM;
    if (error != 0) {
        explain_bind(endpoint, error, why);
        free(kept);
        return false;
    }
    size_t size = sizeof endpoint->text;
    if (zl_wire_ask(socket->zmq, ZMQ_LAST_ENDPOINT, endpoint->text, &size) == 0)
        zl_endpoint_set_port(endpoint);
    struct zl_endpoint_entry *entry = remember_endpoint(socket, endpoint->text, why);
    if (!entry) {
        zl_wire_unbind(socket->zmq, endpoint->text);
        free(kept);
        return false;
    }
    entry->bound = true;
    entry->asked = kept;
    zl_socket_touch(socket);
    return true;
}

void zl_socket_yield(struct zl_socket *socket)
{
    struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound)
            zl_wire_unbind(socket->zmq, entry->text);
    }
    socket->is_yielded = true;
    socket->loop->unbound = zl_loop_now();
}

bool zl_socket_bind_again(struct zl_socket *socket, char *why)
{
    struct zl_endpoint_entry *entry;
    bool ok = true;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        int error = socket->is_yielded && entry->bound ? bind_soon(socket, entry->text) : 0;
        if (error != 0)
            snprintf(why, ZL_WHY_MAX, "cannot bind %s again: %s", entry->text, zmq_strerror(error));
        ok = ok && error == 0;
    }
    socket->is_yielded = false;
    return ok;
}

static bool connect_now(struct zl_socket *socket, const char *text, bool ipv6, char *why)
{
    set_int(socket->zmq, ZMQ_IPV6, ipv6);
    if (zl_wire_connect(socket->zmq, text) == 0) {
        zl_socket_touch(socket);
        return true;
    }
    snprintf(why, ZL_WHY_MAX, "cannot connect to %s: %s", text, zmq_strerror(zmq_errno()));
    return false;
}

static struct zl_endpoint_entry *find_connected(struct zl_socket *socket, const char *text)
{
    struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (!entry->bound && strcmp(entry->text, text) == 0)
            return entry;
    }
    return NULL;
}

bool zl_socket_connect(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why)
{
    struct zl_endpoint_entry *entry = find_connected(socket, endpoint->text);
    if (entry) { /* from the generation before */
        entry->wanted = true;
        entry->dropped = false;
        return true;
    }
    if (!zl_context_headroom(HEADROOM, why))
        return false;
    entry = remember_endpoint(socket, endpoint->text, why);
    if (!entry)
        return false;
    entry->ipv6 = endpoint->ipv6;
    entry->pending = socket->former && socket->loop->generation->life == ZL_LOADING;
    if (entry->pending || connect_now(socket, endpoint->text, endpoint->ipv6, why))
        return true;
    forget_endpoint(socket, entry);
    return false;
}

bool zl_socket_disconnect(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why)
{
    struct zl_endpoint_entry *entry = find_connected(socket, endpoint->text);
    /* The generation before may come back, and wants it then. */
    if (entry && socket->former && entry->added_by != socket->loop->generation->serial) {
        entry->wanted = false;
        entry->dropped = true;
        return true;
    }
    /* ENOENT: an inproc peer has closed, and its connection went with it. */
    if (zl_wire_disconnect(socket->zmq, endpoint->text) != 0 && zmq_errno() != ENOENT) {
        snprintf(why, ZL_WHY_MAX, "cannot disconnect from %s: %s", endpoint->text,
                 zmq_strerror(zmq_errno()));
        return false;
    }
    if (entry)
        forget_endpoint(socket, entry);
    zl_socket_touch(socket);
    return true;
}

void zl_socket_settle(struct zl_socket *socket)
{
    char why[ZL_WHY_MAX];
    struct zl_endpoint_entry *next, *entry = SLIST_FIRST(&socket->endpoints);
    for (; entry; entry = next) {
        next = SLIST_NEXT(entry, link);
        if (entry->pending && !connect_now(socket, entry->text, entry->ipv6, why))
            zl_log(ZL_ERROR, "", "%s", why);
        entry->pending = false;
        if (entry->dropped && !socket->former) {
            zl_wire_disconnect(socket->zmq, entry->text);
            forget_endpoint(socket, entry);
            zl_socket_touch(socket);
        }
    }
}

void zl_socket_drop_unwanted(struct zl_socket *socket)
{
    struct zl_endpoint_entry *next, *entry = SLIST_FIRST(&socket->endpoints);
    for (; entry; entry = next) {
        next = SLIST_NEXT(entry, link);
        if (entry->wanted)
            continue;
        zl_log(ZL_INFO, "", "%s %s", entry->bound ? "Unbinding" : "Disconnecting from",
               entry->text);
        if (entry->bound)
            zl_wire_unbind(socket->zmq, entry->text);
        else
            zl_wire_disconnect(socket->zmq, entry->text);
        forget_endpoint(socket, entry);
        zl_socket_touch(socket);
    }
}

void zl_socket_describe(const struct zl_socket *socket, char *out, size_t size)
{
    const struct zl_endpoint_entry *entry;
    size_t used = 0;
    out[0] = '\0';
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        int n = snprintf(out + used, size - used, "%s%s", used ? ", " : "", entry->text);
        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
    }
}

bool zl_socket_is_bound(const struct zl_socket *socket)
{
    const struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound && entry->wanted)
            return true;
    }
    return false;
}

bool zl_socket_is_inproc(const struct zl_socket *socket)
{
    const struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (strncmp(entry->text, "inproc:", strlen("inproc:")) != 0)
            return false;
    }
    return true;
}
