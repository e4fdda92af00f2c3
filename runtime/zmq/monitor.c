/* SPDX-License-Identifier: MIT */
/* See monitor.h. An event consists of two frames: its number and value (16 and 32 bits, in native
 * byte order), then the endpoint (zmq_socket_monitor(3)). */
#include "runtime/zmq/monitor.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/limits.h"
#include "runtime/base/reason.h"
#include "runtime/zmq/call.h"
#include "runtime/zmq/context.h"

enum {
    EVENTS = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_ACCEPTED |
             ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_MONITOR_STOPPED |
             ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
             ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
};

struct zl_monitor {
    void *pair; /* NULL once closed */
    zl_monitor_event *on_event;
    void *arg;
    uv_poll_t poll;
};

static void poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    zl_monitor_read(poll->data, 0);
}

static void *open_pair(void *context, void *zmq)
{
    static atomic_uint serial;
    char endpoint[64];
    void *pair = zmq_socket(context, ZMQ_PAIR);
    snprintf(endpoint, sizeof endpoint, "inproc://zlrun.monitor.%u", atomic_fetch_add(&serial, 1));
    if (pair && zl_call_set(pair, ZMQ_RCVHWM, 0) && zl_call_set(pair, ZMQ_LINGER, 0) &&
        zmq_socket_monitor(zmq, endpoint, EVENTS) == 0) {
        if (zl_call_connect(pair, endpoint) == 0)
            return pair;
        zl_monitor_stop(zmq);
    }
    if (pair)
        zmq_close(pair);
    return NULL;
}

struct zl_monitor *zl_monitor_open(uv_loop_t *uv, void *zmq, zl_monitor_event *on_event, void *arg,
                                   char *why)
{
    void *context = zl_context_get(why);
    if (!context || !zl_limits_headroom(ZL_MONITOR_DESCRIPTORS, why))
        return NULL;
    struct zl_monitor *monitor = calloc(1, sizeof *monitor);
    int fd = -1;
    size_t size = sizeof fd;
    void *pair = monitor ? open_pair(context, zmq) : NULL;
    if (pair && zl_call_ask(pair, ZMQ_FD, &fd, &size) == 0 &&
        uv_poll_init(uv, &monitor->poll, fd) == 0) {
        monitor->pair = pair;
        monitor->on_event = on_event;
        monitor->arg = arg;
        monitor->poll.data = monitor;
        uv_poll_start(&monitor->poll, UV_READABLE, on_poll);
        uv_unref((uv_handle_t *)&monitor->poll);
        zl_monitor_read(monitor, 0); /* the descriptor is edge-triggered: empty the queue first */
        return monitor;
    }
    snprintf(why, ZL_WHY_MAX, "the socket's monitor could not be created: %s",
             zmq_strerror(zmq_errno()));
    if (pair) {
        zl_monitor_stop(zmq);
        zmq_close(pair);
    }
    free(monitor);
    return NULL;
}

void zl_monitor_redirect(struct zl_monitor *monitor, zl_monitor_event *on_event, void *arg)
{
    monitor->on_event = on_event;
    monitor->arg = arg;
}

/* Reads one event; false if there is none. */
static bool read_event(struct zl_monitor *monitor)
{
    char endpoint[ZL_ENDPOINT_MAX];
    uint16_t event;
    uint32_t value;
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    bool ok = zl_call_receive_frame(monitor->pair, &frame) == sizeof event + sizeof value;
    if (ok) {
        memcpy(&event, zmq_msg_data(&frame), sizeof event);
        memcpy(&value, (char *)zmq_msg_data(&frame) + sizeof event, sizeof value);
        ok = zl_call_receive_frame(monitor->pair, &frame) >= 0;
    }
    if (ok)
        snprintf(endpoint, sizeof endpoint, "%.*s", (int)zmq_msg_size(&frame),
                 (const char *)zmq_msg_data(&frame));
    zmq_msg_close(&frame);
    if (ok)
        monitor->on_event(monitor->arg, event, value, endpoint);
    return ok;
}

void zl_monitor_read(struct zl_monitor *monitor, int wait_ms)
{
    zmq_pollitem_t item = {.socket = monitor->pair, .events = ZMQ_POLLIN};
    if (wait_ms > 0)
        zmq_poll(&item, 1, wait_ms); /* a signal may shorten the wait */
    while (monitor->pair && read_event(monitor))
        ;
}

void zl_monitor_stop(void *zmq)
{
    zmq_socket_monitor(zmq, NULL, 0);
}

void zl_monitor_close(struct zl_monitor *monitor)
{
    zmq_close(monitor->pair);
    monitor->pair = NULL;
    uv_close((uv_handle_t *)&monitor->poll, poll_closed);
}
