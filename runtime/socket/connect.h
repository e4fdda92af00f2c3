/* SPDX-License-Identifier: MIT */
/* Endpoints that a socket connects to. Used on the loop's thread alone. Those that return bool:
 * true, or false with the reason in `why` (ZL_WHY_MAX bytes) and nothing changed. */
#pragma once

#include "runtime/socket/socket.h"

bool zl_connect_endpoint(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why);

/* Ends the connection to the endpoint. */
bool zl_connect_end(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why);

/* Connects an entry of the list now. Ends its connection, and what was sent on a route of its own
 * is still flushed: 0 or the error. */
bool zl_connect_entry(struct zl_socket *socket, struct zl_endpoint_entry *entry, char *why);
int zl_connect_release(struct zl_socket *socket, struct zl_endpoint_entry *entry);

/* For struct zl_route_ops: attach, reconnect. */
void zl_connect_route_again(struct zl_route *route, bool is_fresh);
void zl_connect_again(struct zl_endpoint_entry *entry);
