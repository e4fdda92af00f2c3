/* SPDX-License-Identifier: MIT */
/* References to sockets. A strong one keeps the socket open, a weak one the data alone: that is for
 * what tasks and libuv's handles remember of it. Belongs to the loop's thread. */
#pragma once

#include "runtime/socket/socket.h"

void zl_socket_ref(struct zl_socket *socket);
void zl_socket_ref_weak(struct zl_socket *socket);
void zl_socket_unref_weak(struct zl_socket *socket);

/* Frees the data of one that nobody refers to. */
void zl_socket_free_unused(struct zl_socket *socket);
