/* SPDX-License-Identifier: MIT */
/* Taking a message off libzmq for the script: what is not for it is passed over. Used on the loop's
 * thread alone. */
#pragma once

#include "runtime/socket/socket.h"

/* Whether messages are sent, and handed to the script, as they are: with no envelope either. */
static inline bool zl_take_as_it_is(const struct zl_socket *socket)
{
    return socket->options.is_plain && socket->flags == 0;
}

/* One message for the script: the number of its frames, or a code; 0 when there is none for it so
 * far among those that were read, and there may be more. The first `count` frames are in the
 * recvbuf already. */
int32_t zl_take_message(struct zl_socket *socket, unsigned count);

/* The same before a task asks for it, into the queue of those to be redelivered. A code when there
 * is none. Between tasks only. */
int32_t zl_take_ahead(struct zl_socket *socket);

/* To be called before a connection is taken away: what libzmq has begun to hand out is read to its
 * end, into that queue. */
void zl_take_prefetched(struct zl_socket *socket);
