/* SPDX-License-Identifier: MIT */
/* Has the peers of streams.h keep what they have not written, and sees what they have. Each is
 * acted on through a duplicate of its descriptor. Used on the loop's thread while the process
 * stops; never raises. */
#pragma once

#include "runtime/socket/streams.h"

/* No new connection is made to the listening ones; those that were made stay. */
void zl_holdback_refuse_new(const struct zl_streams *peers);

/* Whether the peer keeps what it has not written when it is asked to hold: over ipc the end of a
 * connection loses it, and what is connected, not accepted, connects anew meanwhile. */
bool zl_holdback_may_ask(const struct zl_stream *peer);

/* Asks the peers that may hold to close their connections: by a ZMTP PING whose time to live is
 * over in 100 ms. For the NULL mechanism, without ZMTP heartbeats, and for a socket that writes
 * nothing. One that has closed its end is not asked, what it had sent comes first. A peer that is
 * not through its handshake yet is asked by the next call; so is, unless `all` are to be asked, one
 * that may have closed its end, as nobody can tell, and has more to be read: how many these are. */
size_t zl_holdback_ask(struct zl_streams *peers, bool all);

/* Ends the connections' outgoing direction: their peers close them at once. `all`, or those that
 * may not hold. */
void zl_holdback_shut(struct zl_streams *peers, bool all);

/* Shuts the TCP connections whose handshake is not over, and waits for them no more: nothing was
 * sent on them. */
void zl_holdback_give_up_beginners(struct zl_streams *peers);

/* Whether what a peer had sent before it was asked to hold is still to be read. Its end comes
 * behind that, however long the reading takes. */
bool zl_holdback_is_behind(const struct zl_streams *peers);

/* Whether something has arrived that libzmq has not read: connections to be accepted, too. */
bool zl_holdback_has_unread(const struct zl_streams *peers);

/* Whether a peer is in the middle of its handshake. */
bool zl_holdback_has_beginners(const struct zl_streams *peers);
