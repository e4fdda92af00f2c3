/* SPDX-License-Identifier: MIT */
/* See socket.h. */
#include "runtime/socket/socket.h"

#include <stdlib.h>

void zl_socket_ref(struct zl_socket *socket)
{
    socket->strong++;
}

void zl_socket_ref_weak(struct zl_socket *socket)
{
    socket->weak++;
}

void zl_socket_free_unused(struct zl_socket *socket)
{
    if (socket->strong > 0 || socket->weak > 0)
        return;
    zl_options_fini(&socket->options);
    free(socket);
}

void zl_socket_unref_weak(struct zl_socket *socket)
{
    socket->weak--;
    zl_socket_free_unused(socket);
}
