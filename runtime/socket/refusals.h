/* SPDX-License-Identifier: MIT */
/* What a socket refuses of its peers is logged, the first at once; of more, one line in a second
 * counts the others. Belongs to the loop's thread; never calls Lua. */
#pragma once

#include "runtime/socket/socket.h"

/* Logs "<pattern> at <endpoints> <text>", the text made as printf does, or counts it. */
void zl_refusals_note(struct zl_socket *socket, enum zl_refusal kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Logs the counts that are due. */
void zl_refusals_turn(struct zl_socket *socket);

/* Logs all counts; the socket closes. */
void zl_refusals_end(struct zl_socket *socket);
