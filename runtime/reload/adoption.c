/* SPDX-License-Identifier: MIT */
/* See adoption.h. */
#include "runtime/reload/adoption.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/reload/finder.h"
#include "runtime/socket/binding.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/owners.h"
#include "runtime/socket/reqrep.h"
#include "runtime/socket/sockets.h"
#include "runtime/socket/waitq.h"
#include "runtime/zmq/call.h"
#include "runtime/zmq/sockopt.h"
#include "runtime/socket/bind.h"

/* --- finding --------------------------------------------------------------------------------- */

/* The name of an option that a socket keeps for life and that differs; NULL for none. */
static const char *find_conflict(const struct zl_options *now, const struct zl_options *wanted)
{
    if (now->send_hwm != wanted->send_hwm)
        return "send_hwm";
    if (now->receive_hwm != wanted->receive_hwm)
        return "receive_hwm";
    if (zl_sockopt_frame_limit(now) != zl_sockopt_frame_limit(wanted))
        return "max_message_size";
    if (now->immediate != wanted->immediate)
        return "immediate";
    if (now->heartbeat != wanted->heartbeat)
        return "heartbeat";
    return now->conflate != wanted->conflate ? "conflate" : NULL;
}

struct zl_socket *zl_adoption_find(struct zl_finder *finder, const struct zl_socket_spec *spec,
                                   struct zl_conflict *conflict)
{
    struct zl_socket *best = zl_finder_find(finder, spec);
    *conflict = (struct zl_conflict){NULL, ""};
    if (!best)
        return NULL;
    conflict->option = find_conflict(&best->options, spec->options);
    if (!conflict->option)
        return best;
    const struct zl_endpoint_entry *bound = zl_endpoints_first_bound(best);
    if (bound && zl_finder_is_bound_to(bound, spec->endpoints))
        memcpy(conflict->endpoint, bound->text, sizeof conflict->endpoint);
    best->is_yielding = true;
    if (finder->hub->sched.group->life != ZL_LOADING)
        zl_bind_yield(best);
    return NULL;
}

/* --- taking and giving back ------------------------------------------------------------------ */

static bool is_subscribed(const struct zl_socket *socket, const struct zl_bytes *topic)
{
    if (zl_options_have_topic(&socket->options, topic))
        return true;
    const struct zl_previous_owner *previous = socket->previous;
    while (previous && !zl_options_have_topic(&previous->options, topic))
        previous = previous->next;
    return previous != NULL;
}

/* A sub is subscribed to the topics of all its owners, so that nothing is missed when one comes
 * back. Subscribes to (or unsubscribes from) those that these options alone have, which are not
 * among the socket's yet (any more). */
static void change_topics(struct zl_socket *socket, int option, const struct zl_options *options)
{
    for (size_t i = 0; i < options->topic_count; i++)
        if (!is_subscribed(socket, &options->topics[i]))
            zmq_setsockopt(socket->zmq, option, options->topics[i].data, options->topics[i].size);
}

/* The generation is no previous owner of the socket any more. What its options had subscribed to
 * goes with it. */
static void forget_previous(struct zl_socket *socket, const struct zl_group *group)
{
    struct zl_previous_owner **place = &socket->previous;
    while (*place && (*place)->owner != group)
        place = &(*place)->next;
    struct zl_previous_owner *previous = *place;
    if (!previous)
        return;
    *place = previous->next;
    change_topics(socket, ZMQ_UNSUBSCRIBE, &previous->options);
    zl_owners_free(previous);
}

static void tell_lossless(struct zl_socket *socket)
{
    if (socket->pattern->id == ZL_PUB)
        zl_call_set(socket->zmq, ZMQ_XPUB_NODROP, socket->options.lossless);
}

static void mark_wanted(struct zl_socket *socket, const struct zl_socket_spec *spec)
{
    struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        entry->wanted = false;
        bool is_ours = !entry->claimed && !entry->yielded_for;
        for (int i = 0; is_ours && i < spec->count; i++)
            entry->wanted |= entry->bound ? zl_finder_is_bound_to(entry, &spec->endpoints[i])
                                          : strcmp(entry->text, spec->endpoints[i].text) == 0;
    }
}

bool zl_adoption_take(struct zl_socket *socket, const struct zl_socket_spec *spec)
{
    struct zl_options options;
    struct zl_previous_owner *previous = calloc(1, sizeof *previous);
    if (!previous || !zl_options_copy(&options, spec->options)) {
        free(previous);
        return false;
    }
    change_topics(socket, ZMQ_SUBSCRIBE, &options);
    previous->options = socket->options;
    previous->owner = socket->owner;
    previous->is_closing = socket->is_closing;
    previous->next = socket->previous;
    socket->previous = previous;
    socket->options = options;
    socket->owner = socket->hub->sched.group;
    if (previous->owner == socket->owner) /* it has closed the socket, and wants it again */
        forget_previous(socket, socket->owner);
    socket->is_closing = false;
    zl_owners_share(socket, true);
    tell_lossless(socket);
    mark_wanted(socket, spec);
    zl_reqrep_hand_over(&socket->request);
    socket->waitqs[ZL_IN].slow_path = true;
    zl_waitq_mark_dirty(socket);
    zl_socket_ref(socket);
    return true;
}

/* One that is to be chosen is nobody's. */
static bool is_free(const struct zl_endpoint *endpoint)
{
    return endpoint->transport == ZL_TCP ? endpoint->port == 0
                                         : strcmp(endpoint->text, "ipc://*") == 0;
}

bool zl_adoption_claim(struct zl_finder *finder, struct zl_socket *socket,
                       const struct zl_endpoint *endpoint)
{
    bool is_starting = socket->hub->sched.group->life == ZL_LOADING;
    struct zl_endpoint_entry *entry =
        is_starting && !is_free(endpoint) ? zl_finder_claim(finder, socket, endpoint) : NULL;
    if (entry)
        entry->claimed = true;
    return entry != NULL;
}

static void drop_endpoints_of(struct zl_socket *socket, unsigned serial)
{
    struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        entry->wanted = entry->added_by != serial;
        entry->dropped = false;
    }
    zl_binding_drop_unwanted(socket);
}

static void give_back(struct zl_socket *socket)
{
    struct zl_previous_owner *previous = socket->previous;
    struct zl_options left = socket->options;
    unsigned serial = socket->owner->serial;
    socket->options = previous->options;
    socket->owner = previous->owner;
    socket->previous = previous->next;
    socket->is_closing = previous->is_closing;
    free(previous);
    zl_owners_share(socket, true);
    change_topics(socket, ZMQ_UNSUBSCRIBE, &left);
    tell_lossless(socket);
    zl_options_fini(&left);
    drop_endpoints_of(socket, serial);
    zl_reqrep_hand_over(&socket->request);
}

void zl_adoption_undo(struct zl_group *group)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &zl_hub_of(group->sched->outside)->sockets, all)
    {
        if (socket->owner == group && socket->previous)
            give_back(socket);
    }
}

/* What others have given up stays with those to whom it went. */
void zl_adoption_restore(struct zl_hub *hub, const struct zl_group *old)
{
    char why[ZL_WHY_MAX];
    const struct zl_group *owner = old->L ? old : NULL;
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        if ((!socket->is_unbound || socket->owner == owner) && !zl_bind_again(socket, why))
            zl_log(ZL_ERROR, "", "%s", why);
        if (!zl_bind_reclaim(socket, old->serial, why))
            zl_log(ZL_ERROR, "", "%s", why);
    }
}

/* --- leaving --------------------------------------------------------------------------------- */

void zl_adoption_leave(struct zl_hub *hub, const struct zl_group *group)
{
    struct zl_socket *next, *socket = TAILQ_FIRST(&hub->sockets);
    for (; socket; socket = next) {
        next = TAILQ_NEXT(socket, all);
        forget_previous(socket, group);
        forget_previous(socket, NULL);
        if (socket->owner == group) {
            zl_sockets_pin(socket);
            socket->owner = NULL;
        }
        if (socket->is_closing && !socket->previous)
            zl_sockets_close(socket);
    }
}

void zl_adoption_drop_unwanted(struct zl_hub *hub)
{
    struct zl_socket *next, *socket = TAILQ_FIRST(&hub->sockets);
    for (; socket; socket = next) {
        next = TAILQ_NEXT(socket, all);
        if (socket->previous || !socket->owner)
            continue; /* a previous owner that may come back needs it as it is */
        zl_binding_drop_unwanted(socket);
        zl_sockets_unpin(socket);
    }
}
