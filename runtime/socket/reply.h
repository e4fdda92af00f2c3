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

#include "runtime/zmq/libzmq.h"

struct zl_frame;
struct zl_generation;
struct zl_socket;
struct zl_task;

enum { ZL_LINE_MAX = 80, ZL_SOURCE_MAX = 60 };

/* A line of a script. It is noted for every message, so its text is made when somebody wants it. */
struct zl_line {
    char source[ZL_SOURCE_MAX]; /* "worker.lua" */
    int number;                 /* 0 when there is none */
};

/* The state beside a request or reply socket. */
struct zl_exchange {
    uint32_t id;           /* correlation id of the newest request */
    bool may_be_late;      /* a request was given up, so its reply may still come */
    bool asked;            /* a request waits for its reply */
    bool unsent;           /* its next try waits for a peer */
    bool found_no_peer;    /* the last request timed out before it was sent */
    bool let_go;           /* the script has waited for the reply, and may ask anew instead */
    int tries;             /* sent so often */
    struct zl_task *asker; /* NULL once it has ended */
    uint64_t deadline;     /* of this try, on the clock of zl_clock_now; 0 when there is none */
    zmq_msg_t *kept;       /* its frames, while they may have to be sent again */
    unsigned kept_count;
    struct zl_line line; /* request: where it was asked; reply: where it was answered last */
};

/* A request in a task's hand. */
struct zl_envelope {
    struct zl_envelope *next;
    struct zl_socket *socket; /* referenced weakly */
    bool open;                /* not answered yet */
    unsigned count;
    zmq_msg_t *frames;   /* the peer's routing id up to the empty frame */
    struct zl_line line; /* where it was received */
};

/* Sends the frames as a request (a reply): 0 or a code of ffi.h with nothing sent. */
int32_t zl_exchange_ask(struct zl_socket *socket, const struct zl_frame *frames, uint32_t count);
int32_t zl_exchange_answer(struct zl_socket *socket, const struct zl_frame *frames, uint32_t count);

/* Whether the running task may receive now: 0 or a code of ffi.h. */
int32_t zl_exchange_may_receive(struct zl_socket *socket);

/* Takes the envelope off the message of `count` frames that was received: where its body begins, or
 * 0 when the message is not for us and is to be forgotten. */
unsigned zl_exchange_accept(struct zl_socket *socket, zmq_msg_t *frames, unsigned count);

/* The envelope of the request that the task has in hand, allocated, out of its hand; NULL when
 * there is none, or it was answered. And back into the hand of a task, which then owns it: false
 * without memory. */
zmq_msg_t *zl_exchange_take_envelope(struct zl_task *task, const struct zl_socket *socket,
                                     unsigned *count);
bool zl_exchange_give_envelope(struct zl_task *task, struct zl_socket *socket, zmq_msg_t *frames,
                               unsigned count);

/* Where the time of this try is over: sends the request once more, as soon as there is a peer, and
 * gives it a new deadline. False when the tries are used up; the request is then withdrawn. */
bool zl_exchange_retry(struct zl_socket *socket);

/* A peer is there: sends the try that waits for one. */
void zl_exchange_resume(struct zl_socket *socket);

/* Reads what came while no request is open, and reports it. */
void zl_exchange_discard(struct zl_socket *socket);

/* Whether the socket is a request's, and nothing that it sent is wanted any more. */
bool zl_exchange_is_over(const struct zl_socket *socket);

/* The line of the script that asked, received or answered last, for the error of a later misuse.
 * The bindings write it. */
struct zl_line *zl_exchange_line(struct zl_socket *socket);

/* "worker.lua:12" (ZL_LINE_MAX bytes), or "" for no line. */
void zl_line_text(const struct zl_line *line, char *text);

/* The first task of the generation that waits for a reply; NULL for none. */
struct zl_task *zl_exchange_asker(const struct zl_generation *generation);

/* Whether the task has a request in hand that is not answered yet. */
bool zl_exchange_owes(const struct zl_task *task);

/* The socket goes on to another generation: nobody waits for its reply any more. */
void zl_exchange_hand_over(struct zl_exchange *exchange);

void zl_exchange_fini(struct zl_exchange *exchange);

/* The task ends: warns of requests that it leaves unanswered and forgets them. */
void zl_exchange_forget(struct zl_task *task);
