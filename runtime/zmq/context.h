/* SPDX-License-Identifier: MIT */
/* The process's only libzmq context, and the headroom that libzmq needs: it aborts the process when
 * descriptors run out. The first socket creates the context; main terminates it after every socket
 * is closed. Any thread. */
#pragma once

#include <stdbool.h>

#include "runtime/zmq/endpoint.h"

/* The most sockets that zlrun opens; libzmq is configured for 10 % more, so that it never refuses
 * one. */
#define ZL_SOCKETS_MAX 30000

/* The context, created on first use. NULL, with `why` filled (ZL_WHY_MAX bytes), if that fails. */
void *zl_context_get(char *why);

/* Abandons the context: a closed socket will not terminate soon, so the context must not be waited
 * for. */
void zl_context_leave(void);

/* Terminates the context; every socket must be closed and flushed. Waits for libzmq's threads.
 * False if the context was abandoned and its threads keep running: the process must then end
 * without running exit handlers. */
bool zl_context_stop(void);
