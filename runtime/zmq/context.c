/* SPDX-License-Identifier: MIT */
/* See context.h. */
#include "runtime/zmq/context.h"

#include <stdio.h>

#include "runtime/base/limits.h"
#include "runtime/base/reason.h"
#include "runtime/zmq/libzmq.h"

enum { START_DESCRIPTORS = 24 };

static void *context;
static bool is_abandoned;

void *zl_context_get(char *why)
{
    if (context || !zl_limits_headroom(START_DESCRIPTORS, why) || !zl_libzmq_load(why))
        return context;
    context = zmq_ctx_new();
    if (!context) {
        snprintf(why, ZL_WHY_MAX, "libzmq could not be started: %s", zmq_strerror(zmq_errno()));
        return NULL;
    }
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, ZL_SOCKETS_MAX + ZL_SOCKETS_MAX / 10);
    return context;
}

void zl_context_leave(void)
{
    is_abandoned = true;
}

bool zl_context_stop(void)
{
    if (is_abandoned)
        return false;
    if (context)
        zmq_ctx_term(context);
    context = NULL;
    return true;
}
