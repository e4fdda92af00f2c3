/* SPDX-License-Identifier: MIT */
/* The seven patterns as a table: what a script calls them, which libzmq socket they stand on and
 * which of the two objects (sender, receiver) they give. Constant data; any thread may read it. */
#pragma once

#include <stdbool.h>

enum zl_pattern_id { ZL_PUSH, ZL_PULL, ZL_PUB, ZL_SUB, ZL_REQUEST, ZL_REPLY, ZL_PAIR };

struct zl_pattern {
    enum zl_pattern_id id;
    const char *name;
    int zmq_type;
    bool sends;
    bool receives;
    bool one_peer;    /* a client may have one address only */
    bool awaits_peer; /* what a client sends waits for a peer after its handshake; see route.h */
    bool hands_out; /* a received message is in its task's hand until the receiver is asked again */
    const char *peer; /* what it talks to, for messages */
};

/* Whether the two talk to each other. */
bool zl_pattern_matches(const struct zl_pattern *a, const struct zl_pattern *b);

/* The pattern of an id. Never fails. */
const struct zl_pattern *zl_pattern_get(enum zl_pattern_id id);
