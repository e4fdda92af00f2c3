/* SPDX-License-Identifier: MIT */
/* Who has used a socket before its owner and may come back: plain data. What is done with it is the
 * business of reload/adoption. Belongs to the loop's thread. */
#pragma once

#include "runtime/socket/socket.h"

/* A previous owner. */
struct zl_previous_owner {
    struct zl_previous_owner *next; /* the one before it */
    struct zl_group *owner;
    struct zl_options options;
    bool is_closing; /* it has closed the socket */
};

/* Frees one that was taken off the list; all of the socket's, which is closed. */
void zl_owners_free(struct zl_previous_owner *previous);
void zl_owners_forget(struct zl_socket *socket);

/* A sub may from now on be given (is given no more) what another owner has subscribed to. */
void zl_owners_share(struct zl_socket *socket, bool shared);
