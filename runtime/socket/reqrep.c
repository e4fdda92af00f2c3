/* SPDX-License-Identifier: MIT */
/* See reqrep.h. One question is open at a time on a request socket; on a reply socket every task
 * may have one request in hand, so several tasks can work on requests at once. */
#include "runtime/socket/reqrep.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/socket/refusals.h"
#include "runtime/socket/socket.h"
#include "runtime/socket/route.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/work.h"
#include "runtime/zmq/call.h"
#include "runtime/zmq/message.h"
#include "runtime/zmq/recvbuf.h"
#include "runtime/zmq/send.h"

/* A request in a task's hand. */
struct zl_envelope {
    struct zl_envelope *next;
    struct zl_socket *socket; /* referenced weakly */
    bool open;                /* not answered yet */
    unsigned count;
    zmq_msg_t *frames;   /* the peer's routing id up to the empty frame */
    struct zl_line line; /* where it was received */
};

static void close_frames(zmq_msg_t *frames, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        zmq_msg_close(&frames[i]);
    free(frames);
}

/* --- request --------------------------------------------------------------------------------- */

static void forget_question(struct zl_request_state *request)
{
    request->asked = request->abandoned = request->unsent = false;
    request->deadline = 0;
    close_frames(request->kept, request->kept_count);
    request->kept = NULL;
    request->kept_count = 0;
}

/* Copies the frames, so that the request can be sent again. Without memory it is sent only once. */
static void keep_question(struct zl_request_state *request, const struct zl_frame *frames,
                          uint32_t count)
{
    request->kept = malloc(count * sizeof *request->kept);
    for (uint32_t i = 0; request->kept && i < count; i++) {
        if (zmq_msg_init_size(&request->kept[i], frames[i].size) != 0) {
            close_frames(request->kept, request->kept_count);
            request->kept = NULL;
            request->kept_count = 0;
            return;
        }
        memcpy(zmq_msg_data(&request->kept[i]), frames[i].data, frames[i].size);
        request->kept_count = i + 1;
    }
}

static uint64_t reply_deadline(const struct zl_socket *socket)
{
    double timeout = socket->options.timeout;
    return timeout < 0 ? 0 : zl_clock_now() + (uint64_t)(timeout * 1e9);
}

/* Takes back what was sent on each route and got no reply; with `absent`, only where the peer is
 * gone, so that it is not sent there once more when it comes back. */
static void withdraw(struct zl_socket *socket, bool absent)
{
    struct zl_route *route;
    TAILQ_FOREACH(route, &socket->routes, link)
    {
        if (route->owed == 0 || (absent && route->has_peer))
            continue;
        if (route->is_bound)
            socket->request.may_be_late = true;
        else
            zl_route_renew(route);
        route->owed = 0;
    }
}

/* What stands before the body; false when there is no room. */
static bool send_envelope(struct zl_socket *socket)
{
    const uint32_t *id = &socket->request.id;
    if (socket->route->is_bound && !zl_send_bytes(socket->zmq, id, sizeof *id))
        return false;
    return zl_send_bytes(socket->zmq, "", 0);
}

int32_t zl_reqrep_request(struct zl_socket *socket, const struct zl_frame *frames, uint32_t count)
{
    struct zl_request_state *request = &socket->request;
    if (request->asked && !request->abandoned)
        return ZL_UNANSWERED;
    if (request->asked) {
        forget_question(request);
        withdraw(socket, false);
    }
    if (!zl_route_next(socket))
        return ZL_AGAIN;
    request->id++;
    int32_t code =
        send_envelope(socket) ? zl_send_frames(socket->zmq, frames, count) : zl_message_failure();
    if (code != 0)
        return code;
    socket->route->owed = 1;
    request->asked = true;
    request->found_no_peer = false;
    request->requester = socket->hub->sched.current;
    zl_work_of(request->requester)->asks = true;
    request->tries = 1;
    request->deadline = reply_deadline(socket);
    if (socket->options.retries > 0)
        keep_question(request, frames, count);
    return 0;
}

/* Sends the kept frames as a message. False, with nothing sent, when there is no room. */
static bool send_kept(struct zl_socket *socket)
{
    struct zl_request_state *request = &socket->request;
    if (!send_envelope(socket))
        return false;
    for (unsigned i = 0; i < request->kept_count; i++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        zmq_msg_copy(&frame, &request->kept[i]);
        int more = i + 1 < request->kept_count ? ZMQ_SNDMORE : 0;
        if (zl_call_send_frame(socket->zmq, &frame, ZMQ_DONTWAIT | more) < 0) {
            zmq_msg_close(&frame);
            return false;
        }
    }
    return true;
}

void zl_reqrep_resume(struct zl_socket *socket)
{
    struct zl_request_state *request = &socket->request;
    if (!request->unsent || request->abandoned || !zl_route_next(socket))
        return;
    zl_route_ask_events(socket); /* libzmq notices a new peer only when it is asked */
    if (!send_kept(socket))
        return;
    socket->route->owed++;
    request->unsent = false;
}

bool zl_reqrep_retry(struct zl_socket *socket)
{
    struct zl_request_state *request = &socket->request;
    if (request->deadline == 0 || zl_clock_now() < request->deadline)
        return true;
    if (request->tries > socket->options.retries || request->kept_count == 0) {
        forget_question(request);
        withdraw(socket, false);
        return false;
    }
    request->tries++;
    request->deadline = reply_deadline(socket);
    request->unsent = true;
    withdraw(socket, true);
    zl_waitq_mark_dirty(socket);
    zl_reqrep_resume(socket);
    return true;
}

/* Where the body of a reply begins; 0 when it is none to the open request. */
static unsigned find_body(const struct zl_socket *socket, zmq_msg_t *frames, unsigned count)
{
    const struct zl_request_state *request = &socket->request;
    if (!request->asked)
        return 0;
    if (socket->route->is_bound && count >= 3 && zmq_msg_size(&frames[0]) == sizeof request->id &&
        memcmp(zmq_msg_data(&frames[0]), &request->id, sizeof request->id) == 0 &&
        zmq_msg_size(&frames[1]) == 0)
        return 2;
    return count >= 2 && zmq_msg_size(&frames[0]) == 0 && !request->may_be_late ? 1 : 0;
}

/* `first`: the first frame of a message that answers no open request. */
static void report_stray(struct zl_socket *socket, zmq_msg_t *first)
{
    bool is_late = socket->route->is_bound && zmq_msg_size(first) == sizeof socket->request.id;
    zl_refusals_note(socket, is_late ? ZL_REFUSAL_LATE : ZL_REFUSAL_STRAY,
                     "dropped a message: it answers no request that is open; its sender is no "
                     "reply, perhaps");
}

bool zl_reqrep_discard(struct zl_socket *socket)
{
    uint64_t until = zl_clock_in_ms(ZL_ROUTE_READ_MS);
    struct zl_route *route;
    bool is_late = false;
    TAILQ_FOREACH(route, &socket->routes, link)
    {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        while (!is_late && zl_call_receive_frame(route->zmq, &frame) >= 0) {
            report_stray(socket, &frame);
            zl_recvbuf_skip_rest(route->zmq, &frame);
            is_late = zl_clock_now() >= until;
        }
        zmq_msg_close(&frame);
    }
    return !is_late;
}

static unsigned accept_answer(struct zl_socket *socket, zmq_msg_t *frames, unsigned count)
{
    unsigned start = find_body(socket, frames, count);
    if (start == 0) {
        report_stray(socket, &frames[0]);
        return 0;
    }
    if (socket->route->owed > 0)
        socket->route->owed--;
    forget_question(&socket->request);
    withdraw(socket, false); /* of tries before, a reply may still come */
    return start;
}

struct zl_task *zl_reqrep_requester(const struct zl_group *group)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &zl_hub_of(group->sched->outside)->sockets, all)
    {
        const struct zl_request_state *request = &socket->request;
        if (request->asked && !request->abandoned && request->requester &&
            request->requester->group == group)
            return request->requester;
    }
    return NULL;
}

void zl_reqrep_hand_over(struct zl_request_state *request)
{
    request->abandoned = request->asked;
}

static void forget_asker(struct zl_task *task)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &zl_hub_of(task)->sockets, all)
    {
        if (socket->request.requester == task)
            socket->request.requester = NULL;
    }
}

/* --- reply ----------------------------------------------------------------------------------- */

static struct zl_envelope *find_envelope(const struct zl_task *task, const struct zl_socket *socket)
{
    struct zl_envelope *envelope = zl_work_of(task)->envelopes;
    while (envelope && envelope->socket != socket)
        envelope = envelope->next;
    return envelope;
}

static struct zl_envelope *make_envelope(struct zl_task *task, struct zl_socket *socket)
{
    struct zl_envelope *envelope = find_envelope(task, socket);
    if (envelope)
        return envelope;
    envelope = calloc(1, sizeof *envelope);
    if (!envelope)
        return NULL;
    envelope->socket = socket;
    zl_socket_ref_weak(socket);
    envelope->next = zl_work_of(task)->envelopes;
    zl_work_of(task)->envelopes = envelope;
    return envelope;
}

zmq_msg_t *zl_reqrep_take_envelope(struct zl_task *task, const struct zl_socket *socket,
                                   unsigned *count)
{
    struct zl_envelope *envelope = find_envelope(task, socket);
    if (!envelope || !envelope->open)
        return NULL;
    zmq_msg_t *frames = envelope->frames;
    *count = envelope->count;
    envelope->frames = NULL;
    envelope->count = 0;
    envelope->open = false;
    return frames;
}

bool zl_reqrep_give_envelope(struct zl_task *task, struct zl_socket *socket, zmq_msg_t *frames,
                             unsigned count)
{
    struct zl_envelope *envelope = make_envelope(task, socket);
    if (!envelope)
        return false;
    close_frames(envelope->frames, envelope->count);
    envelope->frames = frames;
    envelope->count = count;
    envelope->open = true;
    return true;
}

/* [routing id] ... [""] [body] ...; a message without the empty frame was sent by no requester. */
static unsigned accept_question(struct zl_socket *socket, zmq_msg_t *frames, unsigned count)
{
    unsigned delimiter = 1;
    while (delimiter < count && zmq_msg_size(&frames[delimiter]) > 0)
        delimiter++;
    if (delimiter + 1 >= count) {
        zl_refusals_note(socket, ZL_REFUSAL_ENVELOPE,
                         "refused a request without an envelope; its sender is no requester");
        return 0;
    }
    unsigned envelope_count = delimiter + 1;
    struct zl_envelope *envelope = make_envelope(socket->hub->sched.current, socket);
    zmq_msg_t *kept = envelope && envelope->frames && envelope->count == envelope_count
                          ? envelope->frames
                          : malloc(envelope_count * sizeof *kept);
    if (!envelope || !kept)
        return 0;
    if (kept != envelope->frames) {
        close_frames(envelope->frames, envelope->count);
        for (unsigned i = 0; i < envelope_count; i++)
            zmq_msg_init(&kept[i]);
    }
    for (unsigned i = 0; i < envelope_count; i++)
        zmq_msg_move(&kept[i], &frames[i]);
    envelope->frames = kept;
    envelope->count = envelope_count;
    envelope->open = true;
    return envelope_count;
}

int32_t zl_reqrep_reply(struct zl_socket *socket, const struct zl_frame *frames, uint32_t count)
{
    struct zl_envelope *envelope = find_envelope(socket->hub->sched.current, socket);
    if (!envelope || !envelope->open)
        return ZL_NOTHING_ASKED;
    for (unsigned i = 0; i < envelope->count; i++) {
        if (zl_call_send_frame(socket->zmq, &envelope->frames[i], ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0) {
            int32_t code = zl_message_failure();
            if (code == ZL_GONE)
                envelope->open = false;
            return code;
        }
    }
    envelope->open = false;
    return zl_send_frames(socket->zmq, frames, count);
}

bool zl_reqrep_owes(const struct zl_task *task)
{
    const struct zl_envelope *envelope = zl_work_of(task)->envelopes;
    while (envelope && !(envelope->open && envelope->socket->zmq))
        envelope = envelope->next;
    return envelope != NULL;
}

void zl_reqrep_forget(struct zl_task *task)
{
    struct zl_envelope *envelope;
    if (zl_work_of(task)->asks)
        forget_asker(task);
    while ((envelope = zl_work_of(task)->envelopes)) {
        zl_work_of(task)->envelopes = envelope->next;
        if (envelope->open && envelope->socket->zmq) {
            char line[ZL_LINE_MAX];
            zl_line_text(&envelope->line, line);
            zl_log(ZL_WARN, line, "the task ended without a reply to this request");
        }
        close_frames(envelope->frames, envelope->count);
        zl_socket_unref_weak(envelope->socket);
        free(envelope);
    }
}

/* --- both ------------------------------------------------------------------------------------ */

int32_t zl_reqrep_may_receive(struct zl_socket *socket)
{
    if (socket->pattern->id == ZL_REQUEST && !socket->request.asked)
        return socket->request.found_no_peer ? ZL_NOT_ASKED : ZL_NOTHING_ASKED;
    if (socket->pattern->id == ZL_REQUEST)
        return 0;
    struct zl_envelope *envelope = find_envelope(socket->hub->sched.current, socket);
    return envelope && envelope->open ? ZL_UNANSWERED : 0;
}

unsigned zl_reqrep_accept(struct zl_socket *socket, zmq_msg_t *frames, unsigned count)
{
    if (socket->pattern->id == ZL_REPLY)
        return accept_question(socket, frames, count);
    unsigned start = accept_answer(socket, frames, count);
    socket->hub->sched.current->is_busy |= start > 0;
    return start;
}

struct zl_line *zl_reqrep_line(struct zl_socket *socket)
{
    struct zl_envelope *envelope =
        socket->pattern->id == ZL_REPLY ? find_envelope(socket->hub->sched.current, socket) : NULL;
    return envelope && envelope->open ? &envelope->line : &socket->request.line;
}

void zl_reqrep_fini(struct zl_request_state *request)
{
    forget_question(request);
}
