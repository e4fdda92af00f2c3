/* SPDX-License-Identifier: MIT */
/* The end of one receiving socket's intake, when the process stops: no new connections, peers keep
 * what they have not written, what is on its way is read, and then nothing more is taken off
 * libzmq. Works on the loop's thread, between tasks; never raises. */
#pragma once

#include "runtime/socket/socket.h"

/* Begins to end it; `all` are the connections of the process. May take SHUT_READ_NS. */
void zl_intake_begin(struct zl_socket *socket, const struct zl_streams *all);

/* Moves it on, every few milliseconds. True once it is over, or has no end of its own. */
bool zl_intake_move_on(struct zl_socket *socket);

/* Whether something in this process sends to the socket: such an intake is never cut. */
bool zl_intake_is_own(struct zl_socket *socket);

/* Right before the socket is closed: how many messages it has received that nobody has taken. */
uint64_t zl_intake_count_left(struct zl_socket *socket);

/* The socket closes. */
void zl_intake_forget(struct zl_socket *socket);
