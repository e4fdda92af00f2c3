/* SPDX-License-Identifier: MIT */
/* See inproc.h. */
#include "runtime/socket/inproc.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/peers.h"
#include "runtime/socket/route.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/take.h"
#include "runtime/zmq/call.h"

static struct zl_endpoint_entry *find_bound(struct zl_hub *hub, const char *endpoint)
{
    struct zl_socket *socket;
    struct zl_endpoint_entry *entry;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound && entry->route && strcmp(entry->text, endpoint) == 0)
            return entry;
    }
    return NULL;
}

/* A pair that has its peer drops what another one sends. */
static bool is_taken(struct zl_hub *hub, const struct zl_endpoint_entry *bound)
{
    struct zl_socket *socket;
    struct zl_endpoint_entry *entry;
    if (!bound->route->socket->pattern->one_peer)
        return false;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->is_ready && strcmp(entry->text, bound->text) == 0)
            return true;
    }
    return false;
}

static void log_conflict(struct zl_endpoint_entry *entry, const struct zl_pattern *there,
                         bool taken)
{
    const struct zl_pattern *pattern = entry->route->socket->pattern;
    if (entry->is_refusal_logged)
        return;
    entry->is_refusal_logged = true;
    entry->miss_at = 0;
    if (taken)
        zl_log_later(ZL_WARN, "",
                     "%s to %s: the %s there has its peer; waiting until that one leaves",
                     pattern->name, entry->text, there->name);
    else
        zl_log_later(ZL_WARN, "", "%s to %s: a %s is bound there, no %s; nothing is sent to it",
                     pattern->name, entry->text, there->name, pattern->peer);
}

bool zl_inproc_connect(struct zl_endpoint_entry *entry, char *why)
{
    struct zl_socket *socket = entry->route->socket;
    const struct zl_endpoint_entry *bound = find_bound(socket->hub, entry->text);
    zl_peers_expect(entry);
    if (!bound)
        return true;
    const struct zl_pattern *there = bound->route->socket->pattern;
    bool taken = is_taken(socket->hub, bound);
    if (taken || !zl_pattern_matches(socket->pattern, there)) {
        log_conflict(entry, there, taken);
        return true;
    }
    if (zl_call_connect(entry->route->zmq, entry->text) != 0) {
        snprintf(why, ZL_WHY_MAX, "cannot connect to %s: %s", entry->text,
                 zmq_strerror(zmq_errno()));
        return false;
    }
    entry->is_ready = entry->was_ready = true;
    entry->is_refusal_logged = entry->is_absence_logged = false;
    entry->miss_at = 0;
    zl_waitq_mark_dirty(bound->route->socket);
    zl_waitq_mark_dirty(socket);
    if (socket->pattern->awaits_peer)
        zl_route_set_peer(entry->route, true);
    return true;
}

void zl_inproc_bound(struct zl_hub *hub, const char *endpoint)
{
    struct zl_socket *socket;
    struct zl_endpoint_entry *entry;
    char why[ZL_WHY_MAX];
    TAILQ_FOREACH(socket, &hub->sockets, all)
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound || entry->is_ready || !entry->route || strcmp(entry->text, endpoint) != 0)
            continue;
        if (!zl_inproc_connect(entry, why))
            zl_log_later(ZL_ERROR, "", "%s", why);
    }
}

void zl_inproc_unbound(struct zl_hub *hub, const char *endpoint)
{
    struct zl_socket *socket;
    struct zl_endpoint_entry *entry;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound || !entry->is_ready || strcmp(entry->text, endpoint) != 0)
            continue;
        zl_peers_left(entry);
        if (socket->pattern->awaits_peer) {
            zl_route_renew(entry->route);
        } else {
            zl_take_prefetched(socket);
            zl_call_disconnect(socket->zmq, entry->text);
        }
    }
}
