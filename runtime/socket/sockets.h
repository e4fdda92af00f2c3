/* SPDX-License-Identifier: MIT */
/* Sockets of the hub: opened, closed, referred to. Used on the loop's thread alone. */
#pragma once

#include "runtime/socket/socket.h"

/* False without memory. */
bool zl_sockets_init(struct zl_hub *hub);
void zl_sockets_fini(struct zl_hub *hub);

/* A new socket with one reference, or NULL and `why` (ZL_WHY_MAX bytes). Copies the options. */
struct zl_socket *zl_sockets_open(struct zl_hub *hub, const struct zl_pattern *pattern,
                                  const struct zl_options *options, char *why);

/* Closes; what was sent is flushed in the background. Idempotent, never blocks or raises. */
void zl_sockets_close(struct zl_socket *socket);

/* The last reference but that of the open socket closes it; what nobody has read is reported. Never
 * raises. */
void zl_sockets_unref(struct zl_socket *socket);

/* The host's own reference, while no group has one. */
void zl_sockets_pin(struct zl_socket *socket);
void zl_sockets_unpin(struct zl_socket *socket);
