/* SPDX-License-Identifier: MIT */
/* What a socket has received and no task has taken, when it is about to be closed. Belongs to the
 * loop's thread; anywhere, in the collector too. */
#pragma once

#include "runtime/socket/socket.h"

struct zl_unread {
    unsigned long count, kept; /* messages; those among them that the dead letters have */
    bool more;                 /* than was counted */
};

/* Reads it, for half a second at most. What only receives gives its endpoints up first: what its
 * peers have not written yet stays with them. Others still have to send. */
struct zl_unread zl_unread_read(struct zl_socket *socket);

/* The same, with a warning when there is something; not of a sub, nor where a former owner may come
 * back. */
void zl_unread_report(struct zl_socket *socket);
