/* SPDX-License-Identifier: MIT */
/* The seven patterns as a table: name, libzmq socket type, and which objects (sender, receiver) a
 * pattern call returns. Constant data; any thread. */
#pragma once

#include <stdbool.h>

enum zl_pattern_id { ZL_PUSH, ZL_PULL, ZL_PUB, ZL_SUB, ZL_REQUEST, ZL_REPLY, ZL_PAIR };

struct zl_pattern {
    enum zl_pattern_id id;
    const char *name;
    int zmq_type;
    bool sends;
    bool receives;
    bool one_peer;    /* a client may have only one address */
    bool awaits_peer; /* a client's messages wait for a peer that has finished its handshake; see
                         route.h */
    bool hands_out;   /* a received message is a delivery until its task receives again */
    const char *peer; /* the name of the opposite pattern */
};

/* Whether the two are opposite patterns. */
bool zl_pattern_matches(const struct zl_pattern *a, const struct zl_pattern *b);

/* The pattern of an id. Never fails. */
const struct zl_pattern *zl_pattern_get(enum zl_pattern_id id);
