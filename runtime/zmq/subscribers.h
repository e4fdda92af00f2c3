/* SPDX-License-Identifier: MIT */
/* Counts the subscriptions held by the peers of a pub: each topic once per peer, whatever a peer
 * sends. Owned by the socket; belongs to the loop's thread. */
#pragma once

#include "runtime/zmq/libzmq.h"

struct zl_peer;

struct zl_subscribers {
    struct zl_peer **peers; /* indexed by the descriptor of their connection */
    unsigned room;
    long held;      /* topics of all peers in `peers` */
    long anonymous; /* subscriptions over inproc, whose peers are indistinguishable */
    long gone;      /* cancellations counted for peers that have left, minus their topics */
};

/* Processes one frame received from the XPUB socket. */
void zl_subscribers_note(struct zl_subscribers *subscribers, zmq_msg_t *frame);

/* The number of subscriptions; never negative. */
long zl_subscribers_count(const struct zl_subscribers *subscribers);

void zl_subscribers_fini(struct zl_subscribers *subscribers);
