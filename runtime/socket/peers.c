/* SPDX-License-Identifier: MIT */
/* See peers.h. What libzmq 4.3.4 reports, as measured: a peer of the wrong kind shows as CONNECTED
 * and DISCONNECTED with nothing between, or with HANDSHAKE_FAILED_NO_DETAIL, by race. After an
 * error of the protocol the connecting session is dead: no CONNECT_RETRIED follows, and libzmq
 * never tries again. Events of an accepted handshake do not name its connection. */
#include "runtime/socket/peers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/line.h"
#include "runtime/socket/refusals.h"
#include "runtime/socket/route.h"
#include "runtime/zmq/call.h"
#include "runtime/zmq/linger.h"

/* Milliseconds: until a session that does not retry counts as dead; the longest pause before it is
 * started again; until a peer that never came is missed. */
enum { DEAD_MS = 100, LONGEST_PAUSE_MS = 5000, MISSED_MS = 2000 };

/* A server that just stops refuses once, too. */
enum { REFUSALS_TOLD = 2 };

static uint64_t in_ms(uint64_t delay)
{
    return zl_clock_now() + delay * 1000000;
}

/* --- which endpoint, which connection -------------------------------------------------------- */

/* The connected endpoint that an event is about. libzmq names a host by its address once it has
 * resolved it; a route with several endpoints knows those that were written as addresses. */
static struct zl_endpoint_entry *find_connected(struct zl_route *route, const char *endpoint)
{
    struct zl_endpoint_entry *entry, *only = NULL;
    int count = 0;
    SLIST_FOREACH(entry, &route->socket->endpoints, link)
    {
        if (entry->bound || entry->route != route)
            continue;
        if (strcmp(entry->text, endpoint) == 0)
            return entry;
        only = entry;
        count++;
    }
    return count == 1 ? only : NULL;
}

static struct zl_connection *find_connection(struct zl_route *route, int fd)
{
    struct zl_connection *connection;
    SLIST_FOREACH(connection, &route->connections, link)
    {
        if (connection->fd == fd)
            return connection;
    }
    return NULL;
}

static void add_connection(struct zl_route *route, int fd, bool is_accepted)
{
    struct zl_connection *connection = find_connection(route, fd);
    if (connection)
        zl_route_forget(route, connection);
    connection = calloc(1, sizeof *connection);
    if (!connection)
        return;
    connection->fd = fd;
    connection->is_accepted = is_accepted;
    connection->duplicate =
        is_accepted && route->socket->pattern->awaits_peer ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    SLIST_INSERT_HEAD(&route->connections, connection, link);
}

/* One of the connections whose handshake was open has succeeded. */
static void note_ready(struct zl_route *route, bool is_accepted)
{
    struct zl_connection *connection, *open = NULL;
    int count = 0;
    SLIST_FOREACH(connection, &route->connections, link)
    {
        if (connection->is_accepted != is_accepted || connection->is_ready)
            continue;
        open = connection;
        count++;
    }
    if (count == 1)
        open->is_ready = true;
    else if (count > 1)
        route->unclear++;
}

/* --- reports --------------------------------------------------------------------------------- */

/* "push at tcp://10.0.0.1:5555" */
static void name_entry(const struct zl_route *route, const struct zl_endpoint_entry *entry,
                       char *out, size_t size)
{
    char endpoint[ZL_ENDPOINT_MAX];
    if (entry)
        snprintf(endpoint, sizeof endpoint, "%s", entry->text);
    else
        zl_endpoints_describe_route(route, endpoint, sizeof endpoint);
    snprintf(out, size, "%s %s %s", route->socket->pattern->name,
             entry && !entry->bound ? "to" : "at", endpoint);
}

static void tell_refusal(const struct zl_route *route, const struct zl_endpoint_entry *entry,
                         const char *reason)
{
    const struct zl_pattern *pattern = route->socket->pattern;
    char name[ZL_WHY_MAX];
    name_entry(route, entry, name, sizeof name);
    zl_log_later(ZL_WARN, "",
                 "%s: %s the handshake failed%s; it is no %s, or does not speak ZeroMQ. Nothing is "
                 "sent to it%s",
                 name, entry ? "something answers there, but" : "a peer has connected, but", reason,
                 pattern->peer, entry ? "; trying again" : "");
}

static const char *explain(unsigned event, uint32_t value)
{
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        return " (it was refused by the peer's authentication)";
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL && value == EAGAIN)
        return " (it says nothing)";
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
        return value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH
                   ? " (it wants another security mechanism)"
                   : " (it breaks the protocol)";
    return "";
}

/* --- connected endpoints --------------------------------------------------------------------- */

static void on_peer_ready(struct zl_route *route, struct zl_endpoint_entry *entry)
{
    if (entry->is_refusal_logged || entry->is_absence_logged)
        zl_log_later(ZL_INFO, "", "connected to %s", entry->text);
    entry->is_ready = entry->was_ready = true;
    entry->refusals = 0;
    entry->pause_ms = 0;
    entry->revive_at = entry->miss_at = 0;
    entry->is_refusal_logged = entry->is_absence_logged = false;
    if (route->socket->pattern->awaits_peer)
        zl_route_set_peer(route, true);
}

/* Unless libzmq says that it tries again, its session is dead. */
static void expect_retry(struct zl_route *route, struct zl_endpoint_entry *entry)
{
    entry->revive_at = in_ms(DEAD_MS + entry->pause_ms);
    zl_route_call_later(route, DEAD_MS + entry->pause_ms);
}

static void on_refused(struct zl_route *route, struct zl_endpoint_entry *entry, const char *reason)
{
    entry->refusals++;
    entry->miss_at = 0;
    if (entry->refusals < REFUSALS_TOLD || entry->is_refusal_logged)
        return;
    entry->is_refusal_logged = true;
    tell_refusal(route, entry, reason);
}

void zl_peers_left(struct zl_endpoint_entry *entry)
{
    struct zl_route *route = entry->route;
    struct zl_socket *socket = route->socket;
    bool may_lose = socket->pattern->awaits_peer && socket->sent > route->sent_before;
    char line[ZL_LINE_MAX] = "";
    entry->is_ready = false;
    route->sent_before = socket->sent;
    if (socket->pattern->awaits_peer)
        zl_route_set_peer(route, false);
    if (route->owed == 0) {
        zl_log_later(ZL_INFO, "", "the peer at %s has left; connecting again%s", entry->text,
                     may_lose ? ". What was on its way to it may be lost" : "");
        return;
    }
    zl_line_text(&socket->request.line, line);
    zl_log_later(ZL_WARN, line,
                 "the peer at %s has left before it replied to this request; connecting again",
                 entry->text);
}

static void revive(struct zl_route *route, struct zl_endpoint_entry *entry)
{
    bool is_first = entry->refusals == 1;
    entry->revive_at = 0;
    if (entry->refusals > 0)
        on_refused(route, entry, "");
    if (entry->was_ready && is_first && route->socket->sent > 0 &&
        route->socket->pattern->awaits_peer)
        zl_log_later(
            ZL_WARN, "",
            "what may still have been queued for the peer that was at %s is lost: what answers "
            "there now is no %s, or does not speak ZeroMQ",
            entry->text, route->socket->pattern->peer);
    entry->pause_ms = entry->pause_ms ? entry->pause_ms * 2 : DEAD_MS;
    if (entry->pause_ms > LONGEST_PAUSE_MS)
        entry->pause_ms = LONGEST_PAUSE_MS;
    if (route->socket->pattern->awaits_peer)
        zl_route_renew(route);
    else
        route->socket->hub->route_ops->reconnect(entry);
}

static void on_absent(struct zl_route *route, struct zl_endpoint_entry *entry)
{
    char name[ZL_WHY_MAX];
    entry->miss_at = 0;
    entry->is_absence_logged = true;
    name_entry(route, entry, name, sizeof name);
    zl_log_later(ZL_WARN, "", "%s: nobody answers there so far; trying again%s", name,
                 route->socket->pattern->awaits_peer ? ", and what is sent there waits" : "");
}

void zl_peers_expect(struct zl_endpoint_entry *entry)
{
    if (entry->was_ready || entry->is_absence_logged || entry->miss_at || entry->refusals > 0)
        return;
    entry->miss_at = in_ms(MISSED_MS);
    zl_route_call_later(entry->route, MISSED_MS);
}

bool zl_peers_are_there(const struct zl_route *route)
{
    const struct zl_connection *connection;
    if (!route->is_bound || !route->monitor) /* bound inside the process: both ends are known */
        return route->has_peer;
    SLIST_FOREACH(connection, &route->connections, link)
    {
        if (connection->is_ready)
            return true;
    }
    return route->unclear > 0;
}

/* Handles one that is due; false when none is. Reviving one may renew the route. */
static bool handle_due(struct zl_route *route)
{
    struct zl_endpoint_entry *entry;
    uint64_t now = zl_clock_now();
    SLIST_FOREACH(entry, &route->socket->endpoints, link)
    {
        if (entry->route != route || entry->bound)
            continue;
        if (entry->revive_at && now >= entry->revive_at) {
            revive(route, entry);
            return true;
        }
        if (entry->miss_at && now >= entry->miss_at) {
            on_absent(route, entry);
            return true;
        }
    }
    return false;
}

static void call_for_next(struct zl_route *route)
{
    const struct zl_endpoint_entry *entry;
    uint64_t now = zl_clock_now(), next = 0;
    SLIST_FOREACH(entry, &route->socket->endpoints, link)
    {
        if (entry->route != route || entry->bound)
            continue;
        if (entry->revive_at && (!next || entry->revive_at < next))
            next = entry->revive_at;
        if (entry->miss_at && (!next || entry->miss_at < next))
            next = entry->miss_at;
    }
    if (next)
        zl_route_call_later(route, next > now ? (next - now + 999999) / 1000000 : 0);
}

void zl_peers_turn(struct zl_route *route)
{
    while (handle_due(route))
        ;
    call_for_next(route);
}

/* --- bound endpoints ------------------------------------------------------------------------- */

/* With something that its peer did not take, when it was not `is_clean`. */
static void on_accepted_lost(struct zl_route *route, bool was_ready, bool is_clean)
{
    if (!was_ready && route->unclear > 0) {
        route->unclear--;
        return;
    }
    if (!was_ready && !route->is_refusal_logged) {
        route->is_refusal_logged = true;
        tell_refusal(route, NULL, "");
    }
    if (!was_ready || is_clean || route->socket->sent == 0)
        return;
    zl_refusals_note(route->socket, ZL_REFUSAL_LEFT,
                     "has lost a peer; what it had not taken yet is lost");
}

static void on_disconnected(struct zl_route *route, int fd, struct zl_endpoint_entry *entry)
{
    struct zl_connection *connection = find_connection(route, fd);
    if (!connection)
        return;
    bool was_ready = connection->is_ready, is_accepted = connection->is_accepted;
    bool is_clean = connection->duplicate < 0 || zl_linger_is_clean(connection->duplicate);
    zl_route_forget(route, connection);
    if (is_accepted) {
        on_accepted_lost(route, was_ready, is_clean);
    } else if (entry) {
        if (entry->is_ready)
            zl_peers_left(entry);
        else
            on_refused(route, entry, entry->reason ? entry->reason : "");
        entry->reason = NULL;
        expect_retry(route, entry);
    }
}

void zl_peers_on_event(void *arg, unsigned event, uint32_t value, const char *endpoint)
{
    struct zl_route *route = arg;
    struct zl_endpoint_entry *entry = find_connected(route, endpoint);
    switch (event) {
    case ZMQ_EVENT_ACCEPTED:
        add_connection(route, (int)value, true);
        return;
    case ZMQ_EVENT_CONNECTED:
        add_connection(route, (int)value, false);
        return;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        note_ready(route, !entry);
        if (entry)
            on_peer_ready(route, entry);
        return;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        if (entry)
            entry->reason = explain(event, value);
        return;
    case ZMQ_EVENT_CONNECT_RETRIED:
        if (entry)
            entry->revive_at = 0;
        return;
    case ZMQ_EVENT_DISCONNECTED:
        on_disconnected(route, (int)value, entry);
        return;
    default:
        return;
    }
}
