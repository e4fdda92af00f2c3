/* SPDX-License-Identifier: MIT */
/* Parking: the serving generation is brought to rest, so that the next one can take over. Whoever
 * has something to finish runs on; a task that keeps the reload waiting is named in the log.
 * Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>

struct zl_loop;

/* Zeroed: nothing is being parked. */
struct zl_parking {
    int warned;        /* seconds of waiting when it was warned of last; 0 for none */
    double stalled;    /* seconds until requests are handed out again */
    unsigned batch;    /* so many of them then */
    unsigned requests; /* that may be handed out now */
};

/* The serving generation hands out nothing more until it is at rest. */
void zl_parking_begin(struct zl_loop *loop);
void zl_parking_end(struct zl_loop *loop);

/* Whether the serving generation is at rest, or gone; helps it on. Called between tasks. */
bool zl_parking_is_over(struct zl_loop *loop);

/* Whether a reply socket may hand out a request to a task at rest: it may be the one that parking
 * waits for, sent by a task of this very process, or by a peer that this one has asked. Counts as
 * handed out. */
bool zl_parking_admit(struct zl_loop *loop);
