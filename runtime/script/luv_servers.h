/* SPDX-License-Identifier: MIT */
/* Servers of luv's across a reload: while a generation is parked, its listening sockets stay open,
 * and a new generation that binds the same address shares them, with the connections that wait to
 * be accepted. Belongs to the loop's thread. */
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include "runtime/script/luv_loop.h"

/* A descriptor of its own for the socket that a parked inner loop has at this address: a listening
 * one for UV_TCP and UV_NAMED_PIPE, a bound one for UV_UDP. -1 when there is none, or when `own`
 * has one there itself. */
int zl_luv_servers_share(struct zl_luv_loop *own, uv_handle_type type,
                         const struct sockaddr *address);

/* The pipes of the inner loop are about to be closed, and libuv to unlink their paths: where
 * another inner loop listens at one, its handle takes over to do that. */
void zl_luv_servers_pass_paths_on(struct zl_luv_loop *own);
