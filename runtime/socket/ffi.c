/* SPDX-License-Identifier: MIT */
/* See ffi.h. One call moves one whole message. The fast path through is short: a gate, a slice
 * of time, libzmq. A message is either taken by libzmq whole or not at all: only its first frame
 * can be refused for want of room, and when libzmq takes the first ones back (its peer left in the
 * middle) the whole message is tried again. */
#include "runtime/socket/ffi.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/heap.h"
#include "runtime/base/log.h"
#include "runtime/socket/admission.h"
#include "runtime/socket/delivery.h"
#include "runtime/socket/inflight.h"
#include "runtime/socket/owners.h"
#include "runtime/socket/refusals.h"
#include "runtime/socket/reqrep.h"
#include "runtime/socket/route.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/work.h"
#include "runtime/zmq/call.h"
#include "runtime/zmq/send.h"

/* What hardly ever happens is kept out of the fast path, and does not cost it registers. */
#define RARELY(condition) __builtin_expect(!!(condition), 0)

/* Methods can be called with any userdata as self. */
static inline struct zl_socket *socket_of(void *userdata, const char *class_name)
{
    struct zl_handle *handle = userdata;
    return RARELY(handle->class_name != class_name) ? NULL : handle->socket;
}

const char *zl_ffi_error(void)
{
    return zl_message_error();
}

/* Whether messages are sent, and handed to the script, as they are: with no envelope either. */
static inline bool is_plain(const struct zl_socket *socket)
{
    return socket->options.is_plain && socket->flags == 0;
}

/* What every operation asks first: 0 or a code. */
static inline int32_t enter(struct zl_socket *socket, enum zl_direction direction)
{
    struct zl_hub *hub = socket->hub;
    if (RARELY(--hub->sched.slice <= 0)) {
        enum zl_slice slice = zl_sched_check_slice(&hub->sched);
        if (slice != ZL_SLICE_LEFT)
            return slice == ZL_SLICE_OVER ? ZL_PAUSE : ZL_REFUSED;
    }
    if (RARELY(socket->waitqs[direction].slow_path)) {
        int32_t code = zl_admission_check(socket, direction);
        if (code != 0)
            return code;
    }
    if (RARELY(!socket->is_dirty))
        zl_waitq_mark_dirty(socket);
    return 0;
}

static inline void done(struct zl_socket *socket)
{
    socket->hub->shared.flags = socket->flags | (zl_log_wanted(ZL_DEBUG) ? ZL_FLAG_TRACE : 0);
}

/* --- send ------------------------------------------------------------------------------------ */

static bool on_topic(const struct zl_socket *socket, const struct zl_frame *frame)
{
    const struct zl_bytes *topic = &socket->options.topic;
    return frame->size >= topic->size && memcmp(frame->data, topic->data, topic->size) == 0;
}

static int32_t send_embedded(struct zl_socket *socket, const struct zl_frame *frames,
                             uint32_t count)
{
    const struct zl_bytes *topic = &socket->options.topic;
    if (!zl_send_bytes(socket->zmq, topic->data, topic->size))
        return zl_message_failure();
    return zl_send_frames(socket->zmq, frames, count);
}

/* For every message but those that go straight (send_plain). */
static int32_t transmit(struct zl_socket *socket, const struct zl_frame *frames, uint32_t count)
{
    switch (socket->pattern->id) {
    case ZL_PUB:
        if (socket->options.embed_topic)
            return send_embedded(socket, frames, count);
        return on_topic(socket, frames) ? zl_send_frames(socket->zmq, frames, count) : ZL_OFF_TOPIC;
    case ZL_REQUEST:
        return zl_reqrep_request(socket, frames, count);
    case ZL_REPLY:
        return zl_reqrep_reply(socket, frames, count);
    default:
        return zl_send_frames(socket->zmq, frames, count);
    }
}

/* libzmq looks only now and then at what its peers have taken: has it look, and tries again. When
 * there still is no room, its descriptor will tell. (A reply waits for one peer's room, whatever
 * the others have; lua/zeroless/sender.lua sees to that.) */
static int32_t transmit_again(struct zl_socket *socket, const struct zl_frame *frames,
                              uint32_t count)
{
    zl_admission_poll_events(socket);
    int32_t code = transmit(socket, frames, count);
    for (unsigned i = 1; code == ZL_AGAIN && i < socket->route_count; i++) {
        if (socket->pattern->id == ZL_PUSH)
            zl_route_next(socket); /* a request takes the next by itself */
        code = transmit(socket, frames, count);
    }
    if (code == ZL_AGAIN && socket->pattern->id != ZL_REPLY)
        zl_waitq_clear_dirty(socket);
    return code;
}

/* The fast path: a small frame, as it is. */
static inline int32_t send_plain(struct zl_socket *socket, const struct zl_frame *frame)
{
    int sent = zl_call_send(socket->zmq, frame->data, frame->size, ZMQ_DONTWAIT);
    return RARELY(sent < 0) ? zl_message_failure() : 0;
}

static inline int32_t send_message(struct zl_socket *socket, const struct zl_frame *frames,
                                   uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if ((int64_t)frames[i].size > socket->options.max_message_size) {
            socket->hub->shared.frame_index = (int32_t)i + 1;
            return ZL_TOO_BIG;
        }
    }
    int32_t code = enter(socket, ZL_OUT);
    if (code != 0)
        return code;
    if (count == 1 && is_plain(socket) && frames->size < ZL_LARGE)
        code = send_plain(socket, frames);
    else
        code = transmit(socket, frames, count);
    if (code == ZL_AGAIN)
        code = transmit_again(socket, frames, count);
    if (code == 0) {
        socket->sent++;
        done(socket);
        if (RARELY(socket->route_count > 1) && socket->pattern->id == ZL_PUSH)
            zl_route_next(socket);
    }
    return code;
}

int32_t zl_ffi_send(void *sender, const char *data, uint32_t size)
{
    struct zl_socket *socket = socket_of(sender, zl_sender_class);
    struct zl_frame frame = {data, size};
    return socket ? send_message(socket, &frame, 1) : ZL_WRONG_SELF;
}

int32_t zl_ffi_send_frames(void *sender, const struct zl_frame *frames, uint32_t count)
{
    struct zl_socket *socket = socket_of(sender, zl_sender_class);
    return socket ? send_message(socket, frames, count) : ZL_WRONG_SELF;
}

int32_t zl_ffi_send_2(void *sender, const char *data1, uint32_t size1, const char *data2,
                      uint32_t size2)
{
    const struct zl_frame frames[] = {{data1, size1}, {data2, size2}};
    return zl_ffi_send_frames(sender, frames, 2);
}

int32_t zl_ffi_send_4(void *sender, uint32_t count, const char *data1, uint32_t size1,
                      const char *data2, uint32_t size2, const char *data3, uint32_t size3,
                      const char *data4, uint32_t size4)
{
    const struct zl_frame frames[] = {
        {data1, size1}, {data2, size2}, {data3, size3}, {data4, size4}};
    return zl_ffi_send_frames(sender, frames, count);
}

int32_t zl_ffi_send_8(void *sender, uint32_t count, const char *data1, uint32_t size1,
                      const char *data2, uint32_t size2, const char *data3, uint32_t size3,
                      const char *data4, uint32_t size4, const char *data5, uint32_t size5,
                      const char *data6, uint32_t size6, const char *data7, uint32_t size7,
                      const char *data8, uint32_t size8)
{
    const struct zl_frame frames[] = {{data1, size1}, {data2, size2}, {data3, size3},
                                      {data4, size4}, {data5, size5}, {data6, size6},
                                      {data7, size7}, {data8, size8}};
    return zl_ffi_send_frames(sender, frames, count);
}

/* --- receive --------------------------------------------------------------------------------- */

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
    if (is_plain(socket))
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
    while (count > 0 && has_newer(socket) && may_pass(socket->hub, &passing)) {
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

/* One message for the script: the number of its frames, or a code; 0 when there is none for it so
 * far among those that were read, and there may be more. The first `count` frames are in the
 * recvbuf already. */
static int32_t take(struct zl_socket *socket, unsigned count)
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

/* The fast path: a message as it came, into the place of one that had one frame too. */
static inline int32_t take_plain(struct zl_socket *socket)
{
    struct zl_recvbuf *recvbuf = &socket->hub->recvbuf;
    int size = zl_call_receive_frame(socket->zmq, recvbuf->messages);
    if (RARELY(size < 0))
        return zl_message_failure();
    zl_recvbuf_lay_out(recvbuf, 0, size);
    if (zmq_msg_more(recvbuf->messages))
        return take(socket, 1);
    socket->hub->shared.received = recvbuf->frames;
    return 1;
}

static inline int32_t may_receive(struct zl_socket *socket)
{
    return socket->flags & ZL_FLAG_LINE ? zl_reqrep_may_receive(socket) : 0;
}

static int32_t take_other(struct zl_socket *socket)
{
    int32_t code = may_receive(socket);
    if (socket->route_count > 1)
        zl_route_select_readable(socket);
    return code == 0 ? take(socket, 0) : code;
}

/* A message of a failed generation, for this one: the number of its frames, or a code. */
static int32_t take_again(struct zl_socket *socket)
{
    int32_t code = may_receive(socket);
    int count = code == 0 ? zl_delivery_redeliver(socket) : 0;
    if (code != 0 || count > 0)
        return code != 0 ? code : count;
    errno = ENOMEM;
    return zl_message_failure();
}

/* Nothing was taken; `code` is 0 or says why. After 0 the socket stays dirty: it is asked again in
 * the loop's next turn. Otherwise zmq_msg_recv has worked off what it knew before it found nothing;
 * only who waits to send has not been asked for. */
static int32_t took_nothing(struct zl_socket *socket, int32_t code)
{
    if (code == ZL_AGAIN && TAILQ_EMPTY(&socket->waitqs[ZL_OUT].waiters))
        zl_waitq_clear_dirty(socket);
    return code == 0 ? ZL_AGAIN : code;
}

static inline int32_t take_next(struct zl_socket *socket)
{
    struct zl_hub *hub = socket->hub;
    int32_t code =
        is_plain(socket) && hub->recvbuf.count == 1 ? take_plain(socket) : take_other(socket);
    if (RARELY(code <= 0))
        return took_nothing(socket, code);
    if (RARELY(hub->redelivery.keeps) && socket->pattern->hands_out)
        zl_delivery_track(hub->sched.current, socket, (unsigned)code);
    return code;
}

int32_t zl_ffi_read_ahead(struct zl_socket *socket)
{
    int32_t count = take(socket, 0);
    if (count > 0 && !zl_delivery_read_ahead(socket, (unsigned)count))
        return ZL_FAILED;
    return count;
}

/* There is nothing to receive; `code` says why. */
static int32_t miss(struct zl_socket *socket, int32_t code)
{
    struct zl_hub *hub = socket->hub;
    hub->shared.received = NULL;
    if (code == ZL_AGAIN || code == ZL_CLOSED || code == ZL_STOPPING) {
        zl_inflight_release(hub->sched.current, socket);
        zl_recvbuf_clear(&hub->recvbuf, 0);
        zl_work_of(hub->sched.current)->receives |= socket->pattern->hands_out;
        socket->heard_by = hub->sched.group->serial;
    }
    return code;
}

int32_t zl_ffi_receive(void *receiver)
{
    struct zl_socket *socket = socket_of(receiver, zl_receiver_class);
    if (RARELY(!socket))
        return ZL_WRONG_SELF;
    if (RARELY(socket->hub->shared.received))
        return ZL_NESTED;
    int32_t code = enter(socket, ZL_IN);
    if (code == 0)
        code = take_next(socket);
    else if (code == ZL_GIVEN_AGAIN)
        code = take_again(socket);
    if (RARELY(code < 0))
        return miss(socket, code);
    struct zl_task *task = socket->hub->sched.current;
    if (RARELY(zl_work_of(task)->held != socket || zl_work_of(task)->also_held.count > 0) &&
        socket->pattern->hands_out)
        zl_inflight_hold(task, socket);
    socket->received++;
    done(socket);
    return code;
}
