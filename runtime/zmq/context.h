/* SPDX-License-Identifier: MIT */
/* The one libzmq context of the process, and the room that libzmq needs before it is asked for
 * anything: it aborts the process when descriptors run out. Any thread may call it; started by the
 * first socket, stopped by main when every socket is closed. */
#pragma once

#include <stdbool.h>

#include "runtime/zmq/endpoint.h"

/* Sockets that zlrun opens at most; libzmq is configured for more, so that it never refuses. */
#define ZL_SOCKETS_MAX 30000

/* The context, started when needed. NULL and `why` (ZL_WHY_MAX bytes) when there is no room. */
void *zl_context_get(char *why);

/* A socket that is closed will not end soon: the context is not to be waited for. */
void zl_context_leave(void);

/* Ends the context; every socket must be closed and flushed. Waits for libzmq's threads. False when
 * they run on, because the context is left: then the process has to end without its clean-up. */
bool zl_context_stop(void);
