/* SPDX-License-Identifier: MIT */
/* See sockopt.h. */
#include "runtime/zmq/sockopt.h"

#include "runtime/zmq/call.h"
#include "runtime/zmq/options.h"
#include "runtime/zmq/pattern.h"

int64_t zl_sockopt_frame_limit(const struct zl_options *options)
{
    return options->max_message_size > ZL_FRAME_DEFAULT ? options->max_message_size
                                                        : ZL_FRAME_DEFAULT;
}

/* A pub uses ZMTP heartbeats: a peer that does not answer misses messages anyway. The other
 * patterns use TCP keepalive, in whole seconds: a peer that is merely slow would not answer a ZMTP
 * heartbeat either and would lose the messages in flight, and libzmq 4.3.4 aborts when it pings a
 * peer that left while its queue was full. */
static bool apply_heartbeat(void *zmq, const struct zl_pattern *pattern,
                            const struct zl_options *options)
{
    enum { PROBES = 3 };
    int idle = (options->heartbeat + 999) / 1000;
    if (options->heartbeat == 0)
        return true;
    if (pattern->id == ZL_PUB && !options->lossless)
        return zl_call_set(zmq, ZMQ_HEARTBEAT_IVL, options->heartbeat);
    return zl_call_set(zmq, ZMQ_TCP_KEEPALIVE, 1) &&
           zl_call_set(zmq, ZMQ_TCP_KEEPALIVE_IDLE, idle) &&
           zl_call_set(zmq, ZMQ_TCP_KEEPALIVE_INTVL, (idle + PROBES - 1) / PROBES) &&
           zl_call_set(zmq, ZMQ_TCP_KEEPALIVE_CNT, PROBES);
}

/* A pub always reads its peers' subscriptions, so they need no limit. */
static int receive_hwm(const struct zl_pattern *pattern, const struct zl_options *options)
{
    return options->conflate || pattern->id == ZL_PUB ? 0 : options->receive_hwm;
}

bool zl_sockopt_apply(void *zmq, const struct zl_pattern *pattern, const struct zl_options *options)
{
    enum { HANDSHAKE_MS = 30000 };
    int64_t largest = zl_sockopt_frame_limit(options);
    /* Otherwise libzmq keeps counting the subscriptions of a peer that a pub connected to and that
     * has left. */
    bool immediate = options->immediate || pattern->id == ZL_PUB;
    bool ok =
        zl_call_set(zmq, ZMQ_SNDHWM, options->send_hwm) &&
        zl_call_set(zmq, ZMQ_RCVHWM, receive_hwm(pattern, options)) &&
        zl_call_set(zmq, ZMQ_IMMEDIATE, immediate) && apply_heartbeat(zmq, pattern, options) &&
        zl_call_set(zmq, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) && zl_call_set(zmq, ZMQ_LINGER, 0) &&
        zmq_setsockopt(zmq, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0;
    switch (pattern->id) {
    case ZL_PUB:
        return ok && zl_call_set(zmq, ZMQ_XPUB_VERBOSER, 1) &&
               zl_call_set(zmq, ZMQ_XPUB_NODROP, options->lossless);
    case ZL_REPLY:
        return ok && zl_call_set(zmq, ZMQ_ROUTER_MANDATORY, 1);
    case ZL_SUB:
        for (size_t i = 0; ok && i < options->topic_count; i++)
            ok = zmq_setsockopt(zmq, ZMQ_SUBSCRIBE, options->topics[i].data,
                                options->topics[i].size) == 0;
        return ok;
    default:
        return ok;
    }
}
