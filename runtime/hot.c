/* SPDX-License-Identifier: MIT */
/* See hot.h. One call moves one whole message. The straight way through is short: a gate, a slice
 * of time, libzmq. A message is either taken by libzmq whole or not at all: only its first frame
 * can be refused for want of room, and when libzmq takes the first ones back (its peer left in the
 * middle) the whole message is tried again. */
#include "runtime/hot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/log.h"
#include "runtime/loop.h"
#include "runtime/socket.h"
#include "runtime/zmq.h"

/* Methods can be called with any userdata as self. */
static inline struct zl_socket *socket_of(void *userdata, const char *class_name)
{
    struct zl_handle *handle = userdata;
    return __builtin_expect(handle->class_name == class_name, 1) ? handle->socket : NULL;
}

static _Thread_local int last_error;

const char *zl_hot_error(void)
{
    return zmq_strerror(last_error);
}

int32_t zl_hot_failure(void)
{
    last_error = zmq_errno();
    if (last_error == EAGAIN)
        return ZL_AGAIN;
    return last_error == EHOSTUNREACH ? ZL_GONE : ZL_FAILED;
}

/* What every operation asks first: 0 or a code. */
static inline int32_t enter(struct zl_socket *socket, enum zl_direction direction)
{
    struct zl_loop *loop = socket->loop;
    if (--loop->slice <= 0 && zl_loop_slice_over(loop))
        return ZL_PAUSE;
    if (__builtin_expect(socket->lanes[direction].gate, 0)) {
        int32_t code = zl_socket_admit(socket, direction);
        if (code != 0)
            return code;
    }
    if (!socket->is_touched)
        zl_socket_touch(socket);
    return 0;
}

static inline void done(struct zl_socket *socket)
{
    socket->loop->hot.note = socket->note | (zl_log_wanted(ZL_DEBUG) ? ZL_NOTE_TRACE : 0);
}

/* --- send ------------------------------------------------------------------------------------ */

static bool on_topic(const struct zl_socket *socket, const struct zl_frame *frame)
{
    const struct zl_bytes *topic = &socket->options.topic;
    return frame->size >= topic->size && memcmp(frame->data, topic->data, topic->size) == 0;
}

static int32_t send_frames(struct zl_socket *socket, const struct zl_frame *frames, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0);
        if (zmq_send(socket->zmq, frames[i].data, frames[i].size, flags) < 0)
            return zl_hot_failure();
    }
    return 0;
}

static int32_t send_embedded(struct zl_socket *socket, const struct zl_frame *frames,
                             uint32_t count)
{
    const struct zl_bytes *topic = &socket->options.topic;
    if (zmq_send(socket->zmq, topic->data, topic->size, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        return zl_hot_failure();
    return send_frames(socket, frames, count);
}

static int32_t transmit(struct zl_socket *socket, const struct zl_frame *frames, uint32_t count)
{
    switch (socket->pattern->id) {
    case ZL_PUB:
        if (socket->options.embed_topic)
            return send_embedded(socket, frames, count);
        return on_topic(socket, frames) ? send_frames(socket, frames, count) : ZL_OFF_TOPIC;
    case ZL_REQUEST:
        return zl_exchange_ask(socket, frames, count);
    case ZL_REPLY:
        return zl_exchange_answer(socket, frames, count);
    default:
        return send_frames(socket, frames, count);
    }
}

/* libzmq looks only now and then at what its peers have taken: has it look, and tries again. When
 * there still is no room, its descriptor will tell. (A reply waits for one peer's room, whatever
 * the others have; lua/zeroless/sender.lua sees to that.) */
static int32_t transmit_again(struct zl_socket *socket, const struct zl_frame *frames,
                              uint32_t count)
{
    zl_socket_look(socket);
    int32_t code = transmit(socket, frames, count);
    if (code == ZL_AGAIN && socket->pattern->id != ZL_REPLY)
        zl_socket_calm(socket);
    return code;
}

static inline int32_t send_message(struct zl_socket *socket, const struct zl_frame *frames,
                                   uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if ((int64_t)frames[i].size > socket->options.max_message_size) {
            socket->loop->hot.where = (int32_t)i + 1;
            return ZL_TOO_BIG;
        }
    }
    int32_t code = enter(socket, ZL_OUT);
    if (code != 0)
        return code;
    code = transmit(socket, frames, count);
    if (code == ZL_AGAIN)
        code = transmit_again(socket, frames, count);
    if (code == 0) {
        socket->sent++;
        done(socket);
    }
    return code;
}

int32_t zl_hot_send(void *sender, const char *data, uint32_t size)
{
    struct zl_socket *socket = socket_of(sender, zl_sender_class);
    struct zl_frame frame = {data, size};
    return socket ? send_message(socket, &frame, 1) : ZL_WRONG_SELF;
}

int32_t zl_hot_send_frames(void *sender, uint32_t count)
{
    struct zl_socket *socket = socket_of(sender, zl_sender_class);
    return socket ? send_message(socket, socket->loop->hot.outgoing, count) : ZL_WRONG_SELF;
}

/* --- receive --------------------------------------------------------------------------------- */

static bool grow(struct zl_inbox *inbox, struct zl_hot *hot)
{
    unsigned room = inbox->room ? inbox->room * 2 : 8;
    zmq_msg_t *messages = malloc(room * sizeof *messages);
    struct zl_frame *frames = malloc(room * sizeof *frames);
    if (!messages || !frames) {
        free(messages);
        free(frames);
        return false;
    }
    for (unsigned i = 0; i < room; i++) {
        zmq_msg_init(&messages[i]);
        if (i < inbox->room)
            zmq_msg_move(&messages[i], &inbox->messages[i]);
    }
    free(inbox->messages);
    free(inbox->frames);
    inbox->messages = messages;
    inbox->frames = hot->received = frames;
    inbox->room = room;
    return true;
}

/* Reads the rest of a message that is to be forgotten. */
static void skip_rest(struct zl_socket *socket, zmq_msg_t *last)
{
    while (zmq_msg_more(last))
        if (zmq_msg_recv(last, socket->zmq, ZMQ_DONTWAIT) < 0)
            return;
}

/* The frames of one message into the inbox, where `count` of them are already: how many; 0 for a
 * message with too many; or a code. */
static int32_t receive_frames(struct zl_socket *socket, unsigned count)
{
    struct zl_inbox *inbox = &socket->loop->inbox;
    while (count == 0 || zmq_msg_more(&inbox->messages[count - 1])) {
        if (count == inbox->room && (count >= ZL_FRAMES_MAX || !grow(inbox, &socket->loop->hot))) {
            if (count == 0) {
                errno = ENOMEM; /* not even room for one: nothing was taken */
                return zl_hot_failure();
            }
            skip_rest(socket, &inbox->messages[count - 1]);
            zl_log_later(ZL_WARN, "", "refused a message with more than %u frames", count);
            inbox->count = count;
            return 0;
        }
        if (zmq_msg_recv(&inbox->messages[count], socket->zmq, ZMQ_DONTWAIT) < 0)
            return zl_hot_failure();
        count++;
    }
    inbox->count = count;
    return (int32_t)count;
}

static bool is_wanted_topic(const struct zl_socket *socket, zmq_msg_t *first)
{
    for (size_t i = 0; i < socket->options.topic_count; i++) {
        const struct zl_bytes *topic = &socket->options.topics[i];
        if (zmq_msg_size(first) == topic->size &&
            memcmp(zmq_msg_data(first), topic->data, topic->size) == 0)
            return true;
    }
    return false;
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

/* What another tenant has subscribed to is not for this one: while that one may come back it goes
 * on arriving, and libzmq has one such message in its hand afterwards. */
static bool is_for_tenant(struct zl_socket *socket, zmq_msg_t *first)
{
    socket->is_shared = socket->former != NULL;
    return begins_with_topic(socket, first);
}

/* Where the body of the received message begins; -1 when the message is not for the script. */
static int body_start(struct zl_socket *socket, int32_t count)
{
    zmq_msg_t *messages = socket->loop->inbox.messages;
    switch (socket->pattern->id) {
    case ZL_REQUEST:
    case ZL_REPLY: {
        unsigned start = zl_exchange_accept(socket, messages, (unsigned)count);
        return start > 0 ? (int)start : -1;
    }
    case ZL_SUB:
        if (socket->options.exact)
            return is_wanted_topic(socket, &messages[0]) ? 0 : -1;
        return socket->is_shared && !is_for_tenant(socket, &messages[0]) ? -1 : 0;
    default:
        return 0;
    }
}

static void lay_out(struct zl_inbox *inbox, int start, int count)
{
    for (int i = start; i < count; i++) {
        struct zl_frame *frame = &inbox->frames[i - start];
        frame->data = zmq_msg_data(&inbox->messages[i]);
        frame->size = (uint32_t)zmq_msg_size(&inbox->messages[i]);
    }
}

/* Gives back the memory of a large or many-framed message; the next receive does so for the rest.
 */
static void clear_inbox(struct zl_inbox *inbox)
{
    for (unsigned i = 0; i < inbox->count; i++) {
        zmq_msg_close(&inbox->messages[i]);
        zmq_msg_init(&inbox->messages[i]);
    }
    inbox->count = 0;
}

static bool has_newer(const struct zl_socket *socket)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(socket->zmq, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
}

/* conflate: puts the newest message that the script wants in the place of the one of `count` frames
 * in the inbox. Returns as receive_frames does. ZMQ_CONFLATE tears messages of several frames
 * apart, and of a subscriber's topics it tells the publisher only the last. */
static int32_t receive_newest(struct zl_socket *socket, int32_t count)
{
    zmq_msg_t first;
    while (count > 0 && has_newer(socket)) {
        zmq_msg_init(&first);
        if (zmq_msg_recv(&first, socket->zmq, ZMQ_DONTWAIT) < 0)
            break;
        if (socket->options.exact && !is_wanted_topic(socket, &first)) {
            skip_rest(socket, &first);
        } else {
            clear_inbox(&socket->loop->inbox);
            zmq_msg_move(&socket->loop->inbox.messages[0], &first);
            count = receive_frames(socket, 1);
        }
        zmq_msg_close(&first);
    }
    return count;
}

/* One message for the script, laid out: the number of its frames, or a code. */
static int32_t take(struct zl_socket *socket)
{
    struct zl_inbox *inbox = &socket->loop->inbox;
    for (;;) {
        if (inbox->count > 1)
            clear_inbox(inbox);
        int32_t count = receive_frames(socket, 0);
        int start = count > 0 ? body_start(socket, count) : -1;
        if (start >= 0 && socket->options.conflate)
            count = receive_newest(socket, count);
        if (count < 0)
            return count;
        if (count > 0 && start >= 0) {
            lay_out(inbox, start, count);
            return count - start;
        }
    }
}

bool zl_inbox_fill(struct zl_loop *loop, zmq_msg_t *frames, unsigned count)
{
    struct zl_inbox *inbox = &loop->inbox;
    clear_inbox(inbox);
    while (inbox->room < count)
        if (!grow(inbox, &loop->hot))
            return false;
    for (unsigned i = 0; i < count; i++)
        zmq_msg_copy(&inbox->messages[i], &frames[i]);
    inbox->count = count;
    lay_out(inbox, 0, (int)count);
    return true;
}

/* A message of a failed generation, for this one: the number of its frames, or a code. */
static int32_t take_again(struct zl_socket *socket)
{
    int count = zl_hand_take(socket);
    if (count > 0)
        return count;
    errno = ENOMEM;
    return zl_hot_failure();
}

int32_t zl_hot_receive(void *receiver)
{
    struct zl_socket *socket = socket_of(receiver, zl_receiver_class);
    if (!socket)
        return ZL_WRONG_SELF;
    struct zl_loop *loop = socket->loop;
    struct zl_task *task = loop->current;
    int32_t code = enter(socket, ZL_IN);
    if (code >= 0 && (socket->note & ZL_NOTE_LINE)) {
        int32_t refusal = zl_exchange_may_receive(socket);
        code = refusal ? refusal : code;
    }
    if (code == 0) {
        code = take(socket);
        /* zmq_msg_recv has worked off what it knew before it found nothing; only who waits to
         * send has not been asked for. */
        if (code == ZL_AGAIN && TAILQ_EMPTY(&socket->lanes[ZL_OUT].waiters))
            zl_socket_calm(socket);
        if (code > 0 && loop->keeps && socket->pattern->hands_out)
            zl_hand_keep(task, socket, (unsigned)code);
    } else if (code == ZL_GIVEN_AGAIN) {
        code = take_again(socket);
    }
    if (code > 0) {
        if (socket->pattern->hands_out && task->held != socket)
            zl_task_hold(task, socket);
        socket->received++;
        done(socket);
    } else if (code == ZL_AGAIN || code == ZL_CLOSED || code == ZL_STOPPING) {
        zl_task_release(task, socket);
        if (loop->inbox.count > 0)
            clear_inbox(&loop->inbox);
    }
    return code;
}
