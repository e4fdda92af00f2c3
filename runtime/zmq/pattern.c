/* SPDX-License-Identifier: MIT */
/* The table of the seven patterns. `pub` uses XPUB so that subscriptions can be counted. `request`
 * and `reply` use DEALER and ROUTER, because one misuse makes REQ and REP unusable; the envelope is
 * the same, so REQ and REP peers notice no difference. */
#include "runtime/zmq/pattern.h"

#include <string.h>
#include <zmq.h>

static const struct zl_pattern patterns[] = {
    [ZL_PUSH] = {ZL_PUSH, "push", ZMQ_PUSH, .sends = true, .awaits_peer = true, .peer = "pull"},
    [ZL_PULL] = {ZL_PULL, "pull", ZMQ_PULL, .receives = true, .hands_out = true, .peer = "push"},
    [ZL_PUB] = {ZL_PUB, "pub", ZMQ_XPUB, .sends = true, .peer = "sub"},
    [ZL_SUB] = {ZL_SUB, "sub", ZMQ_SUB, .receives = true, .hands_out = true, .peer = "pub"},
    [ZL_REQUEST] = {ZL_REQUEST, "request", ZMQ_DEALER, .sends = true, .receives = true,
                    .awaits_peer = true, .peer = "reply"},
    [ZL_REPLY] = {ZL_REPLY, "reply", ZMQ_ROUTER, .sends = true, .receives = true, .hands_out = true,
                  .peer = "request"},
    [ZL_PAIR] = {ZL_PAIR, "pair", ZMQ_PAIR, .sends = true, .receives = true, .one_peer = true,
                 .awaits_peer = true, .hands_out = true, .peer = "pair"},
};

bool zl_pattern_matches(const struct zl_pattern *a, const struct zl_pattern *b)
{
    return strcmp(a->peer, b->name) == 0;
}

const struct zl_pattern *zl_pattern_get(enum zl_pattern_id id)
{
    return &patterns[id];
}
