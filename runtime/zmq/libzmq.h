/* SPDX-License-Identifier: MIT */
/* libzmq, loaded when zeroless is first required: libzmq and its dozen dependencies account for
 * most of the startup time. Include this header instead of <zmq.h>: calls of zmq_send and the like
 * then go through pointers that zl_libzmq_load fills in. Threads as in libzmq's manual; loading
 * belongs to the main thread. */
#pragma once

#include <stdbool.h>
#include <zmq.h>

/* Every libzmq function that the host calls. Using one that is not listed fails to link. */
#define ZL_ZMQ_FUNCTIONS(X)                                                                        \
    X(bind)                                                                                        \
    X(close)                                                                                       \
    X(connect)                                                                                     \
    X(ctx_new)                                                                                     \
    X(ctx_set)                                                                                     \
    X(ctx_term)                                                                                    \
    X(disconnect)                                                                                  \
    X(errno)                                                                                       \
    X(getsockopt)                                                                                  \
    X(msg_close)                                                                                   \
    X(msg_copy)                                                                                    \
    X(msg_data)                                                                                    \
    X(msg_gets)                                                                                    \
    X(msg_init)                                                                                    \
    X(msg_init_data)                                                                               \
    X(msg_init_size)                                                                               \
    X(msg_more)                                                                                    \
    X(msg_move)                                                                                    \
    X(msg_recv)                                                                                    \
    X(msg_send)                                                                                    \
    X(msg_size)                                                                                    \
    X(poll)                                                                                        \
    X(send)                                                                                        \
    X(setsockopt)                                                                                  \
    X(socket)                                                                                      \
    X(socket_monitor)                                                                              \
    X(strerror)                                                                                    \
    X(unbind)                                                                                      \
    X(version)

struct zl_zmq {
#define ZL_ZMQ_MEMBER(name) __typeof__(&zmq_##name) zmq_##name;
    ZL_ZMQ_FUNCTIONS(ZL_ZMQ_MEMBER)
#undef ZL_ZMQ_MEMBER
};
extern struct zl_zmq zl_zmq;

/* Loads libzmq, once, for the life of the process. False, with `why` filled (ZL_WHY_MAX bytes), if
 * it is unavailable: then none of its functions may be called. */
bool zl_libzmq_load(char *why);

#define zmq_bind zl_zmq.zmq_bind
#define zmq_close zl_zmq.zmq_close
#define zmq_connect zl_zmq.zmq_connect
#define zmq_ctx_new zl_zmq.zmq_ctx_new
#define zmq_ctx_set zl_zmq.zmq_ctx_set
#define zmq_ctx_term zl_zmq.zmq_ctx_term
#define zmq_disconnect zl_zmq.zmq_disconnect
#define zmq_errno zl_zmq.zmq_errno
#define zmq_getsockopt zl_zmq.zmq_getsockopt
#define zmq_msg_close zl_zmq.zmq_msg_close
#define zmq_msg_copy zl_zmq.zmq_msg_copy
#define zmq_msg_data zl_zmq.zmq_msg_data
#define zmq_msg_gets zl_zmq.zmq_msg_gets
#define zmq_msg_init zl_zmq.zmq_msg_init
#define zmq_msg_init_data zl_zmq.zmq_msg_init_data
#define zmq_msg_init_size zl_zmq.zmq_msg_init_size
#define zmq_msg_more zl_zmq.zmq_msg_more
#define zmq_msg_move zl_zmq.zmq_msg_move
#define zmq_msg_recv zl_zmq.zmq_msg_recv
#define zmq_msg_send zl_zmq.zmq_msg_send
#define zmq_msg_size zl_zmq.zmq_msg_size
#define zmq_poll zl_zmq.zmq_poll
#define zmq_send zl_zmq.zmq_send
#define zmq_setsockopt zl_zmq.zmq_setsockopt
#define zmq_socket zl_zmq.zmq_socket
#define zmq_socket_monitor zl_zmq.zmq_socket_monitor
#define zmq_strerror zl_zmq.zmq_strerror
#define zmq_unbind zl_zmq.zmq_unbind
#define zmq_version zl_zmq.zmq_version
