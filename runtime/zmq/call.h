/* SPDX-License-Identifier: MIT */
/* libzmq's calls, retried after EINTR. Each of them first processes the socket's commands; a signal
 * at that moment (SIGHUP, SIGCHLD) makes it fail with EINTR before it has done anything. Unretried,
 * that would be an error without a cause, or a lost wake-up where readiness was queried. In a child
 * of a fork every call fails this way (fork.h), and is not retried. Belongs to the loop's thread.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/fork.h"
#include "runtime/zmq/libzmq.h"

#define ZL_CALL(name, parameters, call)                                                            \
    static inline int zl_call_##name parameters                                                    \
    {                                                                                              \
        int rc;                                                                                    \
        do                                                                                         \
            rc = call;                                                                             \
        while (rc < 0 && errno == EINTR && !zl_fork_is_child());                                   \
        return rc;                                                                                 \
    }

ZL_CALL(send, (void *zmq, const void *data, size_t size, int flags),
        zmq_send(zmq, data, size, flags))
ZL_CALL(send_frame, (void *zmq, zmq_msg_t *frame, int flags), zmq_msg_send(frame, zmq, flags))
ZL_CALL(receive_frame, (void *zmq, zmq_msg_t *frame), zmq_msg_recv(frame, zmq, ZMQ_DONTWAIT))
ZL_CALL(ask, (void *zmq, int option, void *value, size_t *size),
        zmq_getsockopt(zmq, option, value, size))
ZL_CALL(bind, (void *zmq, const char *endpoint), zmq_bind(zmq, endpoint))
ZL_CALL(unbind, (void *zmq, const char *endpoint), zmq_unbind(zmq, endpoint))
ZL_CALL(connect, (void *zmq, const char *endpoint), zmq_connect(zmq, endpoint))
ZL_CALL(disconnect, (void *zmq, const char *endpoint), zmq_disconnect(zmq, endpoint))

#undef ZL_CALL

/* Sets an int option. True on success. */
static inline bool zl_call_set(void *zmq, int option, int value)
{
    return zmq_setsockopt(zmq, option, &value, sizeof value) == 0;
}
