/* SPDX-License-Identifier: MIT */
/* See context.h. The probe for descriptors opens and closes them: the only answer that counts what
 * the script, its libraries and libzmq hold together. */
#include "runtime/context.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/zmq.h"

enum { PROBE_MAX = 32, START_DESCRIPTORS = 24 };

static void *context;
static bool is_left;

void zl_context_raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bool zl_context_headroom(int count, char *why)
{
    int probes[PROBE_MAX];
    int opened = 0;
    while (opened < count && opened < PROBE_MAX) {
        int fd = eventfd(0, EFD_CLOEXEC);
        if (fd < 0)
            break;
        probes[opened++] = fd;
    }
    for (int i = 0; i < opened; i++)
        close(probes[i]);
    if (opened >= count)
        return true;
    struct rlimit limit = {0, 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    snprintf(why, ZL_WHY_MAX,
             "no file descriptors left: the limit of this process is %ju; close some sockets or "
             "raise the limit (ulimit -n)",
             (uintmax_t)limit.rlim_cur);
    return false;
}

void *zl_context_get(char *why)
{
    if (context || !zl_context_headroom(START_DESCRIPTORS, why) || !zl_zmq_load(why))
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
    is_left = true;
}

bool zl_context_stop(void)
{
    if (is_left)
        return false;
    if (context)
        zmq_ctx_term(context);
    context = NULL;
    return true;
}
