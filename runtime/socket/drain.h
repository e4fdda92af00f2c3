/* SPDX-License-Identifier: MIT */
/* What a stop makes of the messages on their way in. The intake of each receiving socket is ended
 * (no new connections, peers are asked to keep what they have not written, what is on its way is
 * read ahead), tasks go on receiving until nothing is left or the drain deadline is near, and what
 * then is left is counted. Works on the loop's thread, between tasks; never raises. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "runtime/socket/streams.h"

struct zl_loop;

struct zl_stopping {
    uv_timer_t timer;
    bool is_caused; /* by a signal or a call: otherwise the script just ended */
    bool has_begun; /* the sockets' intakes exist */
    bool is_told;   /* what is being finished was logged */
    uint64_t begun, near, next_turn, calm_since; /* on the clock of zl_clock_now */
    struct zl_streams all; /* connections of the process, while they are current */
    bool is_current;
};

void zl_stopping_init(struct zl_loop *loop);
void zl_stopping_fini(struct zl_loop *loop);

/* The process begins to stop, because of `cause` (see zl_loop_stop); the loop's drain deadline is
 * set. */
void zl_stopping_begin(struct zl_loop *loop, const char *cause);

/* Moves the intakes on. True once receivers have nothing more to hand out, or no more time to. */
bool zl_stopping_turn(struct zl_loop *loop);

/* Logs, once, what is being finished when that takes more than a moment. */
void zl_stopping_tell(struct zl_loop *loop);

/* The connections of the process, looked up once a turn. */
const struct zl_streams *zl_stopping_peers(struct zl_loop *loop);

/* Right before the sockets are closed: logs how many messages they have received that nobody has
 * taken. False when a stop that was asked for leaves any. */
bool zl_stopping_count_dropped(struct zl_loop *loop);
