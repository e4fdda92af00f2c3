/* SPDX-License-Identifier: MIT */
/* luv's servers across a reload: while a generation is parked, its listening sockets stay open, and
 * a new generation that binds the same address shares them, including their pending connections.
 * Belongs to the loop's thread. */
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include "runtime/script/luv_loop.h"

/* Duplicates the descriptor of the socket that a parked inner loop has at this address: a listening
 * one for UV_TCP and UV_NAMED_PIPE, a bound one for UV_UDP. -1 if there is none, or if `own` itself
 * has one there. */
int zl_luv_servers_share(struct zl_luv_loop *own, uv_handle_type type,
                         const struct sockaddr *address);

/* Called before the pipes of the inner loop are closed, which makes libuv unlink their paths: where
 * another inner loop listens at the same path, the unlinking is passed on to its handle. */
void zl_luv_servers_pass_paths_on(struct zl_luv_loop *own);
