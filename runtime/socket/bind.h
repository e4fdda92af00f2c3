/* SPDX-License-Identifier: MIT */
/* Endpoints that a socket binds: taken, given up for another socket, taken again. Used on the
 * loop's thread alone. Those that return bool: true, or false with the reason in `why` (ZL_WHY_MAX
 * bytes) and nothing changed. */
#pragma once

#include "runtime/socket/socket.h"

/* Writes the endpoint really bound into `endpoint` (a free port becomes the chosen one); `asked` is
 * what the script has asked for, by which the next generation finds the socket again. */
bool zl_bind_endpoint(struct zl_socket *socket, struct zl_endpoint *endpoint, const char *asked,
                      char *why);

/* The same when the running generation serves, at an endpoint that another socket yields then. */
bool zl_bind_later(struct zl_socket *socket, const struct zl_endpoint *endpoint, const char *asked,
                   char *why);

/* Binds an entry of the list now; gives it up; it is bound no more, and libzmq knows. */
bool zl_bind_entry(struct zl_socket *socket, struct zl_endpoint_entry *entry, char *why);
void zl_bind_release(struct zl_socket *socket, struct zl_endpoint_entry *entry);
void zl_bind_note_unbound(struct zl_socket *socket, const struct zl_endpoint_entry *entry);

/* Gives the bound endpoints up where another socket is to have them; and takes them again. */
void zl_bind_yield(struct zl_socket *socket);
bool zl_bind_again(struct zl_socket *socket, char *why);

/* The same for the endpoints of it that have been claimed, and for those yielded to generations
 * after the one with this serial. */
void zl_bind_yield_claimed(struct zl_socket *socket);
bool zl_bind_reclaim(struct zl_socket *socket, unsigned serial, char *why);
