/* SPDX-License-Identifier: MIT */
/* Waiting for sockets: who waits for which direction, whose turn it is, and how the loop learns
 * that a socket is ready. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/socket/socket.h"

/* What zl_admission_check may say besides the codes of message.h. */
enum { ZL_GIVEN_AGAIN = 1 };

/* For a waitq with a closed gate: whether the running task may go on: 0, or ZL_AGAIN (others wait
 * longer, or the generation receives nothing now), ZL_CLOSED, ZL_STOPPING, ZL_GIVEN_AGAIN (to
 * receive: a message of a failed generation comes first). */
int32_t zl_admission_check(struct zl_socket *socket, enum zl_direction direction);

/* Closes the gates of every socket that hands messages out, so that the hot path notices that the
 * loop stops. */
void zl_admission_drain(struct zl_hub *hub);

/* Nothing is handed out any more: wakes who waits to receive. */
void zl_admission_stop(struct zl_hub *hub);

/* Closes the gates of every socket, so that the hot path notices that the generation is being
 * parked. */
void zl_admission_hold_back(struct zl_hub *hub);

/* Reports each task that still waits to send to a peer that is not there; how many there are. */
unsigned zl_admission_report_waiting(struct zl_hub *hub);

/* Ends every wait for a socket and every turn: each task asks again when it is resumed. */
void zl_admission_wake_all(struct zl_hub *hub);

/* The socket's descriptor tells of news. When somebody waits to receive and nobody to send, the
 * receive itself is the question, so libzmq is asked once instead of twice; otherwise the socket is
 * dirty. The descriptor goes on telling until libzmq was asked. */
void zl_admission_on_readable(struct zl_socket *socket);

/* Has libzmq work off what it knows: ZMQ_EVENTS, with ZMQ_POLLOUT only where a peer is there. Who
 * can receive is woken; who can send is the caller's to see to. */
int zl_admission_poll_events(struct zl_socket *socket);

/* Asks every dirty socket what it is ready for and wakes who waits for that. One with more than is
 * read at a time is dirty again afterwards: the loop does not sleep then. */
void zl_admission_poll_dirty(struct zl_hub *hub);

/* Reads the subscription messages that have come in, for a pub's count; for a short time, the rest
 * in the loop's next turn. */
void zl_admission_read_subscriptions(struct zl_socket *socket);
