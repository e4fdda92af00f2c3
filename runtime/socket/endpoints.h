/* SPDX-License-Identifier: MIT */
/* The list of a socket's endpoints: what it is, or will be, bound and connected to. Used on the
 * loop's thread alone. */
#pragma once

#include "runtime/socket/socket.h"

bool zl_endpoints_is_inproc(const char *endpoint);

/* A new entry, wanted by the running group; NULL and `why` (ZL_WHY_MAX bytes). */
struct zl_endpoint_entry *zl_endpoints_add(struct zl_socket *socket, const char *text, char *why);
void zl_endpoints_forget(struct zl_socket *socket, struct zl_endpoint_entry *entry);

/* The entry that is connected to the endpoint; the first that is bound. NULL for none. */
struct zl_endpoint_entry *zl_endpoints_find_connected(struct zl_socket *socket, const char *text);
const struct zl_endpoint_entry *zl_endpoints_first_bound(const struct zl_socket *socket);

/* Its endpoints, those of one route, comma-separated. */
void zl_endpoints_describe(const struct zl_socket *socket, char *out, size_t size);
void zl_endpoints_describe_route(const struct zl_route *route, char *out, size_t size);

/* Whether its owner wants an endpoint that is bound already. */
bool zl_endpoints_are_bound(const struct zl_socket *socket);

/* Whether it has an inproc endpoint; whether it has such endpoints alone. */
bool zl_endpoints_have_inproc(const struct zl_socket *socket);
bool zl_endpoints_are_inproc(const struct zl_socket *socket);
