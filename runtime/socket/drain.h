/* SPDX-License-Identifier: MIT */
/* What a stop makes of the messages on their way in. The intake of each receiving socket is ended
 * (no new connections, peers are asked to keep what they have not written, what is on its way is
 * read ahead), tasks go on receiving until nothing is left or the drain deadline is near, and what
 * then is left is counted. Works on the loop's thread, between tasks; never raises. */
#pragma once

#include <stdbool.h>

struct zl_hub;

/* False without memory. */
bool zl_drain_init(struct zl_hub *hub);
void zl_drain_fini(struct zl_hub *hub);

/* The process begins to stop, because of `cause` (see zl_loop_stop); the loop's drain deadline is
 * set. */
void zl_drain_begin(struct zl_hub *hub, const char *cause);

/* Moves the intakes on. True once receivers have nothing more to hand out, or no more time to. */
bool zl_drain_turn(struct zl_hub *hub);

/* Whether a receiver is open that the code that serves has not received from yet: its start may
 * still be at work. */
bool zl_drain_awaits_start(const struct zl_hub *hub);

/* Logs, once, what is being finished when that takes more than a moment. */
void zl_drain_tell(struct zl_hub *hub);

/* Right before the sockets are closed: logs how many messages the receivers have received that
 * nobody has taken. False when a stop that was asked for leaves any. Those with a sender in this
 * process, but by inproc, come last: first its sockets are closed and flushed, and zl_drain_pump
 * reads what arrives meanwhile. */
bool zl_drain_count_dropped(struct zl_hub *hub);
void zl_drain_pump(struct zl_hub *hub);
bool zl_drain_count_last(struct zl_hub *hub);
