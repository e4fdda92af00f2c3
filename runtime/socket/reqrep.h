/* SPDX-License-Identifier: MIT */
/* The dialogue of request and reply over DEALER and ROUTER. A request travels as REQ sends it,
 *     [""] [frame] ...
 * so that every REP, ROUTER and broker takes it. A request that is given up is withdrawn: its route
 * gets a fresh libzmq socket, which its server knows under another routing id, so what was not
 * written yet is never sent, and a late reply never arrives. Peers that connect to a bound request
 * outlive its sockets: there a request has a correlation id before the delimiter, as REQ_CORRELATE
 * makes it, and replies that lack it are taken only while none can be late. A reply goes back
 * behind the envelope that its request came with. Used on the loop's thread alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/socket/socket.h"

/* Sends the frames as a request (a reply): 0 or a code of message.h with nothing sent. */
int32_t zl_reqrep_request(struct zl_socket *socket, const struct zl_frame *frames, uint32_t count);
int32_t zl_reqrep_reply(struct zl_socket *socket, const struct zl_frame *frames, uint32_t count);

/* Whether the running task may receive now: 0 or a code of message.h. */
int32_t zl_reqrep_may_receive(struct zl_socket *socket);

/* Takes the envelope off the message of `count` frames that was received: where its body begins, or
 * 0 when the message is not for us and is to be forgotten. */
unsigned zl_reqrep_accept(struct zl_socket *socket, zmq_msg_t *frames, unsigned count);

/* The envelope of the request that the task has in hand, allocated, out of its hand; NULL when
 * there is none, or it was answered. And back into the hand of a task, which then owns it: false
 * without memory. */
zmq_msg_t *zl_reqrep_take_envelope(struct zl_task *task, const struct zl_socket *socket,
                                   unsigned *count);
bool zl_reqrep_give_envelope(struct zl_task *task, struct zl_socket *socket, zmq_msg_t *frames,
                             unsigned count);

/* Where the time of this try is over: sends the request once more, as soon as there is a peer, and
 * gives it a new deadline. False when the tries are used up; the request is then withdrawn. */
bool zl_reqrep_retry(struct zl_socket *socket);

/* A peer is there: sends the try that waits for one. */
void zl_reqrep_resume(struct zl_socket *socket);

/* Reads what came while no request is open, and reports it; for a short time. False when there may
 * be more. */
bool zl_reqrep_discard(struct zl_socket *socket);

/* The line of the script that asked, received or answered last, for the error of a later misuse.
 * The bindings write it. */
struct zl_line *zl_reqrep_line(struct zl_socket *socket);

/* The first task of the group that waits for a reply; NULL for none. */
struct zl_task *zl_reqrep_requester(const struct zl_group *group);

/* Whether the task has a request in hand that is not answered yet. */
bool zl_reqrep_owes(const struct zl_task *task);

/* The socket goes on to another generation: nobody waits for its reply any more. */
void zl_reqrep_hand_over(struct zl_request_state *request);

void zl_reqrep_fini(struct zl_request_state *request);

/* The task ends: warns of requests that it leaves unanswered and forgets them. */
void zl_reqrep_forget(struct zl_task *task);
