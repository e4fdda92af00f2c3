/* SPDX-License-Identifier: MIT */
/* All that a socket is bound and connected to, at once. Used on the loop's thread alone. */
#pragma once

#include "runtime/socket/socket.h"

/* Binds and connects what is pending. */
void zl_binding_apply_pending(struct zl_socket *socket);

/* Unbinds and disconnects what its owner no longer names. */
void zl_binding_drop_unwanted(struct zl_socket *socket);

/* libzmq has closed the socket: it has no endpoints any more. */
void zl_binding_forget_all(struct zl_socket *socket);

/* Gives its bound endpoints up and ends its connections, for good: the process stops. */
void zl_binding_unlink(struct zl_socket *socket);

/* Gives its bound endpoints up alone: what it is connected to can still be read from. */
void zl_binding_release_bound(struct zl_socket *socket);
