/* SPDX-License-Identifier: MIT */
/* What the monitor of a route tells of its peers: who is there, who was refused, who has left. It
 * opens and shuts the way for what is sent (route.h), starts connections again that libzmq has
 * given up for good, and reports what the author must know, once. Used on the loop's thread alone.
 */
#pragma once

#include "runtime/socket/socket.h"

/* zl_monitor_event; `arg` is the struct zl_route. */
void zl_peers_on_event(void *arg, unsigned event, uint32_t value, const char *endpoint);

/* A connection to the entry's endpoint was begun. */
void zl_peers_expect(struct zl_endpoint_entry *entry);

/* The peer of a connected endpoint is there no more. */
void zl_peers_left(struct zl_endpoint_entry *entry);

/* Whether a peer is there after its handshake. */
bool zl_peers_are_there(const struct zl_route *route);

/* What is due by now for the endpoints of the route; see zl_route_call_later. */
void zl_peers_turn(struct zl_route *route);
