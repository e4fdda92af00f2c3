/* SPDX-License-Identifier: MIT */
/* See drain.h. ZMQ_EVENT_MONITOR_STOPPED comes when the reaper has let go of a closed socket, that
 * is when all was sent or its linger time was over (seen with libzmq 4.3.4). Nothing else is asked
 * of the monitor, so it cannot fill up. */
#include "runtime/drain.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "runtime/context.h"
#include "runtime/log.h"
#include "runtime/loop.h"
#include "runtime/zmq.h"

struct leaving {
    void *monitor;
    char *name;
    uint64_t until; /* zl_loop_now's clock */
    SLIST_ENTRY(leaving) link;
};

static _Thread_local SLIST_HEAD(leaving_list, leaving) leaving_sockets;

/* libzmq must not give up before the deadline has been seen to pass. */
enum { GRACE_MS = 250, PATIENCE_NS = 1000000000, MONITOR_DESCRIPTORS = 8 };

static struct leaving *watch_socket(void *closing, const char *name, int linger_ms)
{
    static atomic_uint serial;
    char endpoint[64], why[ZL_WHY_MAX];
    struct leaving *leaving = calloc(1, sizeof *leaving);
    snprintf(endpoint, sizeof endpoint, "inproc://zlrun.drain.%u", atomic_fetch_add(&serial, 1));
    if (!leaving || !zl_context_headroom(MONITOR_DESCRIPTORS, why))
        goto fail;
    leaving->name = strdup(name);
    leaving->monitor = zmq_socket(zl_context_get(why), ZMQ_PAIR);
    if (!leaving->name || !leaving->monitor ||
        zmq_socket_monitor(closing, endpoint, ZMQ_EVENT_MONITOR_STOPPED) != 0 ||
        zmq_connect(leaving->monitor, endpoint) != 0)
        goto fail;
    leaving->until = zl_loop_now() + (uint64_t)linger_ms * 1000000;
    return leaving;
fail:
    if (leaving && leaving->monitor)
        zmq_close(leaving->monitor);
    if (leaving)
        free(leaving->name);
    free(leaving);
    return NULL;
}

static bool has_left(struct leaving *leaving, int wait_ms)
{
    zmq_pollitem_t item = {.socket = leaving->monitor, .events = ZMQ_POLLIN};
    uint64_t until = zl_loop_now() + (uint64_t)wait_ms * 1000000;
    for (;;) {
        int ready = zmq_poll(&item, 1, wait_ms);
        if (ready >= 0 || zmq_errno() != EINTR)
            return ready > 0;
        uint64_t now = zl_loop_now();
        wait_ms = now < until ? (int)((until - now) / 1000000) : 0;
    }
}

static void forget(struct leaving *leaving)
{
    SLIST_REMOVE(&leaving_sockets, leaving, leaving, link);
    zmq_close(leaving->monitor);
    free(leaving->name);
    free(leaving);
}

/* Forgets the sockets that have left; warns of those whose time is over. */
static void sweep(void)
{
    struct leaving *leaving = SLIST_FIRST(&leaving_sockets);
    uint64_t now = zl_loop_now();
    while (leaving) {
        struct leaving *next = SLIST_NEXT(leaving, link);
        bool left = has_left(leaving, 0);
        if (!left && now >= leaving->until)
            zl_log_later(ZL_WARN, "",
                         "a closed socket took nothing in time; what was sent to %s is lost",
                         leaving->name);
        if (left || now >= leaving->until)
            forget(leaving);
        leaving = next;
    }
}

void zl_drain_close(void *closing, const char *name, bool watch, int linger_ms)
{
    sweep();
    struct leaving *leaving = watch ? watch_socket(closing, name, linger_ms) : NULL;
    if (leaving)
        SLIST_INSERT_HEAD(&leaving_sockets, leaving, link);
    int linger = watch ? linger_ms + GRACE_MS : 0;
    zmq_setsockopt(closing, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close(closing);
}

/* Waits for the socket until `until`. Sockets of this thread that are still open take part: a pipe
 * inside the process ends only when both its ends have looked at their commands. */
static bool wait_for(struct leaving *leaving, uint64_t until, zl_drain_pump *pump, void *world)
{
    enum { SHORT_MS = 1, LONG_MS = 10, MANY = 50 };
    for (int i = 0;; i++) {
        pump(world);
        if (has_left(leaving, zl_loop_now() >= until ? 0 : i < MANY ? SHORT_MS : LONG_MS))
            return true;
        if (zl_loop_now() >= until)
            return false;
    }
}

static bool has_left_before(struct leaving *leaving, uint64_t deadline, bool *told,
                            zl_drain_pump *pump, void *world)
{
    uint64_t patience = zl_loop_now() + PATIENCE_NS;
    if (!*told && patience < deadline) {
        if (wait_for(leaving, patience, pump, world))
            return true;
        *told = true;
        zl_log(ZL_WARN, "", "waiting up to %.1f s for %s to take what was sent",
               (double)(deadline - patience) / 1e9, leaving->name);
    }
    return wait_for(leaving, deadline, pump, world);
}

bool zl_drain_wait(uint64_t deadline, zl_drain_pump *pump, void *world)
{
    char names[ZL_WHY_MAX] = "";
    bool told = false;
    while (!SLIST_EMPTY(&leaving_sockets)) {
        struct leaving *leaving = SLIST_FIRST(&leaving_sockets);
        if (!has_left_before(leaving, deadline, &told, pump, world)) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", leaving->name);
        }
        forget(leaving);
    }
    if (!names[0])
        return true;
    zl_log(
        ZL_ERROR, "",
        "gave up sending: %s took nothing until the drain deadline; what was sent there is lost. "
        "Is the peer running? --drain-timeout sets how long to wait",
        names);
    return false;
}
