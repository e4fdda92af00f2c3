/* SPDX-License-Identifier: MIT */
/* See take.h. */
#include "runtime/socket/take.h"

#include <limits.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/socket/delivery.h"
#include "runtime/socket/owners.h"
#include "runtime/socket/refusals.h"
#include "runtime/socket/reqrep.h"
#include "runtime/socket/waitq.h"
#include "runtime/zmq/call.h"

static bool is_wanted_topic(const struct zl_socket *socket, zmq_msg_t *first)
{
    struct zl_bytes bytes = {zmq_msg_data(first), zmq_msg_size(first)};
    return zl_options_have_topic(&socket->options, &bytes);
}

static bool begins_with_topic(const struct zl_socket *socket, zmq_msg_t *first)
{
    for (size_t i = 0; i < socket->options.topic_count; i++) {
        const struct zl_bytes *topic = &socket->options.topics[i];
        if (zmq_msg_size(first) >= topic->size &&
            memcmp(zmq_msg_data(first), topic->data, topic->size) == 0)
            return true;
    }
    return false;
}

/* What another owner has subscribed to is not for this one: while that one may come back it goes
 * on arriving, and libzmq has one such message in its hand afterwards. */
static bool is_for_owner(struct zl_socket *socket, zmq_msg_t *first)
{
    if (!socket->previous)
        zl_owners_share(socket, false);
    return begins_with_topic(socket, first);
}

/* Where the body of the received message begins; -1 when the message is not for the script. */
static int body_start(struct zl_socket *socket, int32_t count)
{
    zmq_msg_t *messages = socket->hub->recvbuf.messages;
    if (zl_take_as_it_is(socket))
        return 0;
    switch (socket->pattern->id) {
    case ZL_REQUEST:
    case ZL_REPLY: {
        unsigned start = zl_reqrep_accept(socket, messages, (unsigned)count);
        return start > 0 ? (int)start : -1;
    }
    case ZL_SUB:
        if (socket->options.exact)
            return is_wanted_topic(socket, &messages[0]) ? 0 : -1;
        return socket->is_shared && !is_for_owner(socket, &messages[0]) ? -1 : 0;
    default:
        return 0;
    }
}

/* libzmq lets larger frames pass than the script may want, see options.h. */
static bool is_within_limit(struct zl_socket *socket, int32_t count)
{
    const struct zl_frame *frames = socket->hub->recvbuf.frames;
    int64_t limit = socket->options.max_message_size;
    for (int32_t i = 0; i < count; i++) {
        if ((int64_t)frames[i].size <= limit)
            continue;
        zl_refusals_note(
            socket, ZL_REFUSAL_LARGE,
            "refused a message: its frame %d has %u bytes, above max_message_size (%lld)",
            (int)i + 1, frames[i].size, (long long)limit);
        return false;
    }
    return true;
}

/* Where the body begins of what zl_recvbuf_receive has returned; -1 when it is not for the script.
 */
static int find_start(struct zl_socket *socket, int32_t count)
{
    if (count == 0) {
        zl_refusals_note(socket, ZL_REFUSAL_FRAMES, "refused a message of more than %d frames",
                         ZL_FRAMES_MAX);
        return -1;
    }
    return is_within_limit(socket, count) ? body_start(socket, count) : -1;
}

/* Reading what is not for the script is bounded: peers can send it without end, and the other
 * tasks, timers and the stop of the process wait meanwhile. */
struct passing {
    unsigned count;
    uint64_t until;
};

/* Whether one more may be passed over. It counts against the task's slice. */
static bool may_pass(struct zl_hub *hub, struct passing *passing)
{
    enum { PASS_NS = ZL_MS / 2, UNSEEN = 16 };
    hub->sched.slice = 0; /* the next operation looks at the clock */
    if (passing->count++ % UNSEEN != 0)
        return true;
    uint64_t now = zl_clock_now();
    if (passing->until == 0)
        passing->until = now + PASS_NS;
    return now < passing->until;
}

static bool has_newer(const struct zl_socket *socket)
{
    int events = 0;
    size_t size = sizeof events;
    return zl_call_ask(socket->zmq, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
}

/* conflate: puts the newest message that the script wants in the place of the one of `count` frames
 * in the recvbuf; behind a fast publisher, the newest so far. Returns as zl_recvbuf_receive does.
 * ZMQ_CONFLATE tears messages of several frames apart, and of a subscriber's topics it tells the
 * publisher only the last. */
static int32_t receive_newest(struct zl_socket *socket, int32_t count)
{
    struct zl_recvbuf *recvbuf = &socket->hub->recvbuf;
    struct passing passing = {0, 0};
    zmq_msg_t first;
    while (count > 0 && may_pass(socket->hub, &passing) && has_newer(socket)) {
        zmq_msg_init(&first);
        if (zl_call_receive_frame(socket->zmq, &first) < 0)
            break;
        if (socket->options.exact && !is_wanted_topic(socket, &first)) {
            zl_recvbuf_skip_rest(socket->zmq, &first);
        } else {
            zmq_msg_move(&recvbuf->messages[0], &first);
            zl_recvbuf_lay_out(recvbuf, 0, INT_MAX);
            count = zl_recvbuf_receive(recvbuf, socket->zmq, 1);
        }
        zmq_msg_close(&first);
    }
    return count;
}

int32_t zl_take_message(struct zl_socket *socket, unsigned count)
{
    struct zl_recvbuf *recvbuf = &socket->hub->recvbuf;
    struct passing passing = {0, 0};
    do {
        int32_t whole = zl_recvbuf_receive(recvbuf, socket->zmq, count);
        if (whole < 0)
            return whole;
        int start = find_start(socket, whole);
        if (start >= 0 && socket->options.conflate) {
            whole = receive_newest(socket, whole);
            start = whole < 0 ? -1 : find_start(socket, whole);
        }
        if (whole < 0)
            return whole;
        if (start >= 0) {
            socket->hub->shared.received = recvbuf->frames + start;
            return whole - start;
        }
        count = 0;
    } while (may_pass(socket->hub, &passing));
    return 0;
}

int32_t zl_take_ahead(struct zl_socket *socket)
{
    int32_t count = zl_take_message(socket, 0);
    if (count > 0 && !zl_delivery_read_ahead(socket, (unsigned)count))
        return ZL_FAILED;
    return count;
}

/* A SUB and a ROUTER hold the beginning of a message once ZMQ_EVENTS was read. When the connection
 * of that message is taken away then, libzmq 4.3.4 aborts at the next receive (fq.cpp, !_more). */
void zl_take_prefetched(struct zl_socket *socket)
{
    struct zl_hub *hub = socket->hub;
    struct zl_recvbuf before = hub->recvbuf; /* a message may be on its way into Lua */
    struct zl_shared shared = hub->shared;
    if (!socket->zmq || (socket->pattern->id != ZL_SUB && socket->pattern->id != ZL_REPLY))
        return;
    hub->recvbuf = (struct zl_recvbuf){.room = 0};
    if (zl_take_ahead(socket) > 0) {
        socket->waitqs[ZL_IN].slow_path = true;
        zl_waitq_mark_dirty(socket);
    }
    zl_recvbuf_fini(&hub->recvbuf);
    hub->recvbuf = before;
    hub->shared = shared;
}
