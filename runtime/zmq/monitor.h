/* SPDX-License-Identifier: MIT */
/* The monitor of a libzmq socket: connection events from the I/O threads. It is read on the loop's
 * thread independently of the script, and has no high-water mark: an unread monitor blocks the I/O
 * thread, and one closed before its last event blocks libzmq's reaper. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct zl_monitor;

/* One event: ZMQ_EVENT_*, its value (a descriptor, an interval or an errno, see
 * zmq_socket_monitor(3)) and its endpoint. */
typedef void zl_monitor_event(void *arg, unsigned event, uint32_t value, const char *endpoint);

/* Descriptors that a monitor needs, including libzmq's own. */
enum { ZL_MONITOR_DESCRIPTORS = 4 };

/* Opens a monitor for `zmq`, which must not have an endpoint yet. NULL, with `why` filled
 * (ZL_WHY_MAX bytes), on failure. */
struct zl_monitor *zl_monitor_open(uv_loop_t *uv, void *zmq, zl_monitor_event *on_event, void *arg,
                                   char *why);

/* Sends all further events to another callback. */
void zl_monitor_redirect(struct zl_monitor *monitor, zl_monitor_event *on_event, void *arg);

/* Calls back for each pending event, after waiting up to `wait_ms` for the first. The callback may
 * close the monitor. */
void zl_monitor_read(struct zl_monitor *monitor, int wait_ms);

/* Stops the monitoring of a socket that stays open. */
void zl_monitor_stop(void *zmq);

/* Frees the monitor. Allowed after MONITOR_STOPPED, after zl_monitor_stop, or when the context
 * terminates. */
void zl_monitor_close(struct zl_monitor *monitor);
