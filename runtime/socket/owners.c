/* SPDX-License-Identifier: MIT */
/* See owners.h. */
#include "runtime/socket/owners.h"

#include <stdlib.h>

void zl_owners_free(struct zl_previous_owner *previous)
{
    zl_options_fini(&previous->options);
    free(previous);
}

void zl_owners_forget(struct zl_socket *socket)
{
    while (socket->previous) {
        struct zl_previous_owner *previous = socket->previous;
        socket->previous = previous->next;
        zl_owners_free(previous);
    }
}

void zl_owners_share(struct zl_socket *socket, bool shared)
{
    socket->is_shared = shared && socket->pattern->id == ZL_SUB;
    socket->options.is_plain = zl_options_are_plain(&socket->options) && !socket->is_shared;
}
