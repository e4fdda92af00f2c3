/* SPDX-License-Identifier: MIT */
/* The one libzmq context of the process, and the room that libzmq needs before it is asked for
 * anything: it aborts the process when descriptors run out. Any thread may call it; started by the
 * first socket, stopped by main when every socket is closed. */
#pragma once

#include <stdbool.h>

#include "runtime/endpoint.h"

/* Sockets that zlrun opens at most; libzmq is configured for more, so that it never refuses. */
#define ZL_SOCKETS_MAX 30000

/* Descriptors that an operation on a socket may need at once, inside libzmq's threads too. */
enum { ZL_HEADROOM = 8 };

/* Raises the soft limit of open files to the hard one. Never fails. */
void zl_context_raise_limits(void);

/* The context, started when needed. NULL and `why` (ZL_WHY_MAX bytes) when there is no room. */
void *zl_context_get(char *why);

/* Whether `count` more descriptors can be had; fills `why` (ZL_WHY_MAX bytes) when not. */
bool zl_context_headroom(int count, char *why);

/* A socket that is closed will not end soon: the context is not to be waited for. */
void zl_context_leave(void);

/* Ends the context; every socket must be closed and flushed. Waits for libzmq's threads. False when
 * they run on, because the context is left: then the process has to end without its clean-up. */
bool zl_context_stop(void);
