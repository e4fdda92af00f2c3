/* SPDX-License-Identifier: MIT */
/* How many subscriptions the peers of a pub hold: each topic once for each peer, whatever a peer
 * sends. Owned by the socket; belongs to the loop's thread. */
#pragma once

#include "runtime/zmq/libzmq.h"

struct zl_peer;

struct zl_subscribers {
    struct zl_peer **peers; /* by the descriptor of their connection */
    unsigned room;
    long held;      /* topics of all peers in `peers` */
    long anonymous; /* subscriptions over inproc, where peers cannot be told apart */
    long gone;      /* that ended because a peer left */
};

/* Takes one frame that the XPUB socket has handed up. */
void zl_subscribers_note(struct zl_subscribers *subscribers, zmq_msg_t *frame);

/* Never below 0. */
long zl_subscribers_count(const struct zl_subscribers *subscribers);

void zl_subscribers_fini(struct zl_subscribers *subscribers);
