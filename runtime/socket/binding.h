/* SPDX-License-Identifier: MIT */
/* What a socket is bound and connected to. Used on the loop's thread alone. */
#pragma once

#include "runtime/socket/socket.h"

/* These return true, or false with the true reason in `why` and nothing changed. bind writes the
 * endpoint really bound into `endpoint` (a free port becomes the chosen one); `asked` is what the
 * script has asked for, by which the next generation finds the socket again. */
bool zl_binding_bind(struct zl_socket *socket, struct zl_endpoint *endpoint, const char *asked,
                     char *why);
bool zl_binding_connect(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why);
bool zl_binding_disconnect(struct zl_socket *socket, const struct zl_endpoint *endpoint, char *why);

/* The same when the running generation serves, at an endpoint that another socket yields then. */
bool zl_binding_bind_later(struct zl_socket *socket, const struct zl_endpoint *endpoint,
                           const char *asked, char *why);

/* Gives the bound endpoints up where another socket is to have them; and takes them again: false,
 * with the reason in `why`. */
void zl_binding_yield(struct zl_socket *socket);
bool zl_binding_bind_again(struct zl_socket *socket, char *why);

/* The same for the endpoints of it that have been claimed, and for those yielded to generations
 * after the one with this serial. */
void zl_binding_yield_claimed(struct zl_socket *socket);
bool zl_binding_reclaim(struct zl_socket *socket, unsigned serial, char *why);

/* Binds and connects what is pending. */
void zl_binding_apply_pending(struct zl_socket *socket);

/* Unbinds and disconnects what its tenant no longer names. */
void zl_binding_drop_unwanted(struct zl_socket *socket);

/* libzmq has closed the socket: it has no endpoints any more. */
void zl_binding_forget_all(struct zl_socket *socket);

/* Connects again what a route is connected to; its libzmq socket is a fresh one, or (`is_fresh` is
 * false) the old one, which is disconnected first. */
void zl_binding_attach_again(struct zl_route *route, bool is_fresh);

/* Connects an endpoint anew that libzmq has given up. */
void zl_binding_reconnect(struct zl_endpoint_entry *entry);

/* Gives its bound endpoints up and ends its connections, for good: the process stops. */
void zl_binding_unlink(struct zl_socket *socket);

/* Whether it has inproc endpoints alone. */
