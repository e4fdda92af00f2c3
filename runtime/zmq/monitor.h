/* SPDX-License-Identifier: MIT */
/* A libzmq socket's monitor: what its I/O thread reports of connections. It is read on the loop's
 * thread whatever the script does, and has no high-water mark: a monitor that nobody reads blocks
 * the I/O thread, one that is closed before its last event blocks libzmq's reaper. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct zl_monitor;

/* One event: ZMQ_EVENT_*, its value (a descriptor, an interval, an errno: see
 * zmq_socket_monitor(3)) and the endpoint that it is about. */
typedef void zl_monitor_event(void *arg, unsigned event, uint32_t value, const char *endpoint);

/* Descriptors that a monitor takes, inside libzmq too. */
enum { ZL_MONITOR_DESCRIPTORS = 4 };

/* Begins to watch `zmq`, which has no endpoint yet. NULL and `why` (ZL_WHY_MAX bytes). */
struct zl_monitor *zl_monitor_open(uv_loop_t *uv, void *zmq, zl_monitor_event *on_event, void *arg,
                                   char *why);

/* From now on events go to another callback. */
void zl_monitor_redirect(struct zl_monitor *monitor, zl_monitor_event *on_event, void *arg);

/* Hands over what has come so far, first waiting up to `wait_ms` for something. The callback may
 * close the monitor. */
void zl_monitor_read(struct zl_monitor *monitor, int wait_ms);

/* Ends the reports of a socket that is still open. */
void zl_monitor_stop(void *zmq);

/* Frees the monitor: after MONITOR_STOPPED, or once zl_monitor_stop was called or the context ends.
 */
void zl_monitor_close(struct zl_monitor *monitor);
