/* SPDX-License-Identifier: MIT */
/* See linger.h. ZMQ_EVENT_MONITOR_STOPPED arrives when libzmq's reaper has released a closed
 * socket: because everything was passed to the kernel, its linger time ran out, or its peer left
 * (libzmq 4.3.4, whose monitor also reports each disconnection). The event alone proves nothing.
 * The monitor stays open until then, because the reaper blocks until it has delivered the event.
 *
 * When its peer leaves, a session ends early in two cases: with an empty queue (data is then lost
 * only if the kernel held bytes that the peer had not acknowledged, which a duplicate of the
 * descriptor still shows), or after a failed handshake (then its queue is discarded). */
#include "runtime/zmq/linger.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/zmq/call.h"
#include "runtime/zmq/endpoint.h"
#include "runtime/zmq/monitor.h"
#include "runtime/zmq/accepted.h"
#include "runtime/zmq/context.h"

struct leaving {
    struct zl_monitor *monitor;
    char *name;
    uint64_t until; /* zl_clock_now's clock: unsent data is dropped then */
    bool matters;   /* data may be lost when the peer leaves */
    bool is_ready;  /* the last connection's handshake has succeeded */
    bool is_left;   /* a peer has left */
    bool is_lost;   /* data was in flight when a peer left */
    struct zl_linger_fds carriers;
    int duplicates[ZL_LINGER_CONNECTIONS]; /* of the carriers' descriptors; -1 = none */
    bool has_accepted_only;                /* `accepted` lists all connections of the socket */
    struct zl_accepted accepted;
    uint64_t gone_since; /* when the last accepted connection ended; 0 before */
    SLIST_ENTRY(leaving) link;
};

static _Thread_local SLIST_HEAD(leaving_list, leaving) leaving_sockets;
static _Thread_local char *lost_names; /* during zl_linger_wait: sockets that lost data */

enum { PATIENCE_NS = 1000000000, CLOCK_STEP_NS = 2000000 };

/* The end of a socket is reported shortly after its linger time, later on a busy machine. Closing
 * the monitor before that makes libzmq 4.3.4 leak the event, and may block an I/O thread until the
 * context terminates. */
enum { REPORT_NS = 50000000 };

/* How long a socket may take to terminate after its last connection ended; the second value applies
 * if giving up would lose messages. */
enum { GONE_NS = 100000000, GONE_WITH_LOSS_NS = 2000000000 };

bool zl_linger_is_clean(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    int unacknowledged = 0;
    if (ioctl(fd, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged > 0)
        return false;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_state != TCP_CLOSE;
}

static void close_duplicates(struct leaving *leaving)
{
    while (leaving->carriers.count > 0) {
        int fd = leaving->duplicates[--leaving->carriers.count];
        if (fd >= 0)
            close(fd);
    }
}

static void drop(struct leaving *leaving)
{
    close_duplicates(leaving);
    zl_accepted_fini(&leaving->accepted);
    SLIST_REMOVE(&leaving_sockets, leaving, leaving, link);
    zl_monitor_close(leaving->monitor);
    free(leaving->name);
    free(leaving);
}

static const char *reason_of(const struct leaving *leaving)
{
    return leaving->is_left ? "its peer has left" : "its peer accepted no more data";
}

static void add_lost(const struct leaving *leaving)
{
    size_t used = strlen(lost_names);
    snprintf(lost_names + used, ZL_WHY_MAX - used, "%s%s (%s)", used ? ", " : "", leaving->name,
             reason_of(leaving));
}

static void report_loss(const struct leaving *leaving)
{
    if (lost_names)
        add_lost(leaving);
    else
        zl_log_later(
            ZL_WARN, "",
            "a closed socket could not send everything in time; unsent messages for %s are "
            "lost (%s)",
            leaving->name, reason_of(leaving));
}

/* Returns whether all peers are known to have left. */
static bool prune_peers(struct leaving *leaving)
{
    return leaving->has_accepted_only && !zl_accepted_prune(&leaving->accepted);
}

/* Whether data was dropped that a peer might still have accepted. */
static bool check_dropped(struct leaving *leaving)
{
    bool is_late = zl_clock_now() + CLOCK_STEP_NS >= leaving->until;
    return leaving->is_lost || (is_late && (leaving->matters || !prune_peers(leaving)));
}

/* `fd`: libzmq's descriptor of the connection. */
static void on_disconnected(struct leaving *leaving, int fd)
{
    leaving->is_left = true;
    leaving->is_lost |= leaving->matters && !leaving->is_ready;
    for (int i = 0; i < leaving->carriers.count; i++)
        if (leaving->carriers.fds[i] == fd && leaving->duplicates[i] >= 0)
            leaving->is_lost |= !zl_linger_is_clean(leaving->duplicates[i]);
}

static void on_event(void *arg, unsigned event, uint32_t value, const char *endpoint)
{
    struct leaving *leaving = arg;
    (void)endpoint;
    switch (event) {
    case ZMQ_EVENT_ACCEPTED:
        zl_accepted_add(&leaving->accepted, (int)value);
        return;
    case ZMQ_EVENT_CONNECTED:
        leaving->is_ready = false;
        return;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        if (leaving->carriers.are_accepted)
            return;
        leaving->is_ready = true; /* the session has kept its queue */
        leaving->is_left = leaving->is_lost = false;
        close_duplicates(leaving);
        return;
    case ZMQ_EVENT_DISCONNECTED:
        on_disconnected(leaving, (int)value);
        return;
    case ZMQ_EVENT_MONITOR_STOPPED:
        if (check_dropped(leaving))
            report_loss(leaving);
        drop(leaving);
        return;
    default:
        return;
    }
}

/* Redirects the monitor's events to `leaving`: they now describe the end of the socket. Returns
 * NULL without memory or descriptors: the socket is then closed unwatched. */
static struct leaving *watch(uv_loop_t *uv, void *closing, struct zl_monitor *monitor,
                             const char *name, int linger_ms)
{
    char why[ZL_WHY_MAX];
    struct leaving *leaving = calloc(1, sizeof *leaving);
    if (leaving)
        leaving->name = strdup(name);
    if (leaving && leaving->name)
        leaving->monitor = monitor ? monitor : zl_monitor_open(uv, closing, on_event, leaving, why);
    if (!leaving || !leaving->monitor) {
        if (leaving)
            free(leaving->name);
        free(leaving);
        return NULL;
    }
    zl_monitor_redirect(leaving->monitor, on_event, leaving);
    leaving->until = zl_clock_now() + (uint64_t)linger_ms * 1000000;
    SLIST_INSERT_HEAD(&leaving_sockets, leaving, link);
    return leaving;
}

static void duplicate(struct leaving *leaving, const struct zl_linger_fds *carriers)
{
    leaving->carriers = *carriers;
    for (int i = 0; i < carriers->count; i++)
        leaving->duplicates[i] = fcntl(carriers->fds[i], F_DUPFD_CLOEXEC, 3);
}

void zl_linger_close(uv_loop_t *uv, void *closing, struct zl_monitor *monitor, const char *name,
                     int linger_ms, const struct zl_linger_fds *carriers,
                     struct zl_accepted *accepted)
{
    struct leaving *leaving = linger_ms >= 0 ? watch(uv, closing, monitor, name, linger_ms) : NULL;
    if (leaving && carriers) {
        leaving->matters = true;
        leaving->is_ready = carriers->count > 0 || carriers->are_accepted;
        duplicate(leaving, carriers);
    }
    if (leaving && accepted) {
        leaving->has_accepted_only = true;
        leaving->accepted = *accepted;
    } else if (accepted) {
        zl_accepted_fini(accepted);
    }
    if (monitor && !leaving) {
        zl_monitor_stop(closing);
        zl_monitor_close(monitor);
    }
    zl_call_set(closing, ZMQ_LINGER, linger_ms > 0 ? linger_ms : 0);
    zmq_close(closing);
}

/* Returns whether the socket has been waiting too long for peers that have left. */
static bool check_stuck(struct leaving *leaving)
{
    uint64_t now = zl_clock_now();
    if (!prune_peers(leaving)) {
        leaving->gone_since = 0;
        return false;
    }
    if (leaving->gone_since == 0)
        leaving->gone_since = now;
    return now - leaving->gone_since >= (leaving->matters ? GONE_WITH_LOSS_NS : GONE_NS);
}

/* Gives a socket up: libzmq's context would wait for its linger time. */
static void abandon(struct leaving *leaving)
{
    if (leaving->is_lost || leaving->matters)
        report_loss(leaving);
    drop(leaving);
    zl_context_leave();
}

/* Waits until `until` for the first closed socket to terminate; false if it has not. The thread's
 * open sockets are pumped meanwhile: an inproc pipe terminates only after both its ends have
 * processed their commands. */
static bool wait_for(struct leaving *leaving, uint64_t until, zl_linger_pump *pump, void *arg)
{
    enum { SHORT_MS = 1, LONG_MS = 10, MANY = 50 };
    for (int i = 0;; i++) {
        bool is_over = zl_clock_now() >= until;
        pump(arg);
        zl_monitor_read(leaving->monitor, is_over ? 0 : i < MANY ? SHORT_MS : LONG_MS);
        if (SLIST_FIRST(&leaving_sockets) != leaving)
            return true;
        if (check_stuck(leaving)) {
            abandon(leaving);
            return true;
        }
        if (is_over)
            return false;
    }
}

/* As wait_for; logs once that it waits. */
static bool wait_and_log(struct leaving *leaving, uint64_t deadline, bool *has_logged,
                         zl_linger_pump *pump, void *arg)
{
    uint64_t patience = zl_clock_now() + PATIENCE_NS;
    if (!*has_logged && patience < deadline) {
        if (wait_for(leaving, patience, pump, arg))
            return true;
        *has_logged = true;
        zl_log(ZL_WARN, "", "waiting up to %.1f s for %s to accept the unsent messages",
               (double)(deadline - patience) / 1e9, leaving->name);
    }
    return wait_for(leaving, deadline, pump, arg);
}

bool zl_linger_wait(uint64_t deadline, zl_linger_pump *pump, void *arg)
{
    char names[ZL_WHY_MAX] = "";
    bool has_logged = false;
    lost_names = names;
    while (!SLIST_EMPTY(&leaving_sockets)) {
        struct leaving *leaving = SLIST_FIRST(&leaving_sockets);
        uint64_t end = leaving->until + REPORT_NS;
        if (wait_and_log(leaving, deadline > end ? deadline : end, &has_logged, pump, arg))
            continue;
        add_lost(leaving);
        drop(leaving);
    }
    lost_names = NULL;
    if (!names[0])
        return true;
    zl_log(ZL_ERROR, "",
           "gave up sending: unsent messages for %s are lost. Is the peer running? --drain-timeout "
           "sets how long to wait",
           names);
    return false;
}
