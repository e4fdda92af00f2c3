/* SPDX-License-Identifier: MIT */
/* See delivery.h. */
#include "runtime/socket/delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/socket.h"
#include "runtime/socket/reqrep.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/work.h"
#include "runtime/socket/envelope.h"

/* A task's hold of a message. */
struct zl_delivery_ref {
    struct zl_delivery_ref *next;
    struct zl_delivery *hand;
    bool inherited; /* from the task that has spawned this one: until its end */
};

/* --- copies ---------------------------------------------------------------------------------- */

static zmq_msg_t *copy_frames(zmq_msg_t *frames, unsigned count)
{
    zmq_msg_t *copies = malloc(count * sizeof *copies);
    for (unsigned i = 0; copies && i < count; i++) {
        zmq_msg_init(&copies[i]);
        zmq_msg_copy(&copies[i], &frames[i]);
    }
    return copies;
}

static void unref(struct zl_delivery *hand)
{
    if (--hand->references > 0)
        return;
    zl_envelope_free_frames(hand->frames, hand->count);
    zl_envelope_free_frames(hand->envelope, hand->envelope_count);
    zl_socket_unref_weak(hand->socket);
    free(hand);
}

static bool grip(struct zl_task *task, struct zl_delivery *hand, bool inherited)
{
    struct zl_delivery_ref *new_grip = malloc(sizeof *new_grip);
    if (!new_grip)
        return false;
    *new_grip = (struct zl_delivery_ref){zl_work_of(task)->deliveries, hand, inherited};
    zl_work_of(task)->deliveries = new_grip;
    hand->references++;
    return true;
}

/* The way of every message but the first: the copy takes the place of the one before. */
static bool replace(struct zl_task *task, const struct zl_socket *socket, zmq_msg_t *frames,
                    unsigned count)
{
    const struct zl_delivery_ref *held = zl_work_of(task)->deliveries;
    if (!held || held->inherited)
        return false;
    struct zl_delivery *hand = held->hand;
    if (hand->socket != socket || hand->references > 1 || hand->count != count)
        return false;
    for (unsigned i = 0; i < count; i++)
        zmq_msg_copy(&hand->frames[i], &frames[i]);
    hand->tries = 0;
    zl_hub_of(task)->redelivery.handled++;
    return true;
}

void zl_delivery_track(struct zl_task *task, struct zl_socket *socket, unsigned count)
{
    struct zl_recvbuf *recvbuf = &socket->hub->recvbuf;
    zmq_msg_t *first = &recvbuf->messages[recvbuf->count - count];
    if (replace(task, socket, first, count))
        return;
    zl_delivery_ack(task, socket);
    struct zl_delivery *hand = calloc(1, sizeof *hand);
    zmq_msg_t *frames = copy_frames(first, count);
    if (!hand || !frames || task == socket->hub->sched.outside) {
        if (frames)
            zl_envelope_free_frames(frames, count);
        free(hand);
        return;
    }
    hand->socket = socket;
    zl_socket_ref_weak(socket);
    hand->frames = frames;
    hand->count = count;
    hand->references = 1;
    grip(task, hand, false);
    unref(hand);
}

/* --- handled --------------------------------------------------------------------------------- */

/* The one that the task has of the socket itself; NULL for none. Inherited ones are the oldest. */
static const struct zl_delivery_ref *find_own(const struct zl_task *task,
                                              const struct zl_socket *socket)
{
    const struct zl_delivery_ref *held = zl_work_of(task)->deliveries;
    while (held && (held->inherited || held->hand->socket != socket))
        held = held->next;
    return held;
}

static void release_newest(struct zl_task *task)
{
    struct zl_delivery_ref *held = zl_work_of(task)->deliveries;
    zl_work_of(task)->deliveries = held->next;
    if (held->hand->references == 1 && !held->hand->is_aside)
        zl_hub_of(task)->redelivery.handled++;
    unref(held->hand);
    free(held);
}

void zl_delivery_ack(struct zl_task *task, const struct zl_socket *socket)
{
    const struct zl_delivery_ref *own = socket ? find_own(task, socket) : NULL;
    const struct zl_delivery_ref *rest = own      ? own->next
                                         : socket ? zl_work_of(task)->deliveries
                                                  : NULL;
    while (zl_work_of(task)->deliveries != rest)
        release_newest(task);
}

void zl_delivery_inherit(struct zl_task *child, const struct zl_task *parent)
{
    for (const struct zl_delivery_ref *held = zl_work_of(parent)->deliveries; held;
         held = held->next)
        grip(child, held->hand, true);
}

/* --- failed ---------------------------------------------------------------------------------- */

static size_t bytes_of(struct zl_delivery *hand)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < hand->count; i++)
        bytes += zmq_msg_size(&hand->frames[i]);
    return bytes;
}

/* The message as the log shows it: where it came in, its size, its first bytes. */
static void log_delivery(struct zl_delivery *hand, const char *message)
{
    enum { SHOWN = 64 };
    char receiver[ZL_WHY_MAX], endpoints[ZL_WHY_MAX - 16], bytes[24], frames[24], tries[24];
    zl_endpoints_describe(hand->socket, endpoints, sizeof endpoints);
    snprintf(receiver, sizeof receiver, "%s %s", hand->socket->pattern->name, endpoints);
    snprintf(bytes, sizeof bytes, "%zu", bytes_of(hand));
    snprintf(frames, sizeof frames, "%u", hand->count);
    snprintf(tries, sizeof tries, "%d", hand->tries);
    size_t size = zmq_msg_size(&hand->frames[0]);
    struct zl_field fields[] = {
        {"receiver", receiver, strlen(receiver), false},
        {"frames", frames, strlen(frames), true},
        {"bytes", bytes, strlen(bytes), true},
        {"tries", tries, strlen(tries), true},
        {"data", zmq_msg_data(&hand->frames[0]), size < SHOWN ? size : SHOWN, false}};
    struct zl_record record = {.level = ZL_ERROR,
                               .message = message,
                               .size = strlen(message),
                               .source = "",
                               .fields = fields,
                               .count = sizeof fields / sizeof *fields};
    zl_log_emit(&record);
}

static void dead_letter(struct zl_delivery *hand)
{
    struct zl_hub *hub = hand->socket->hub;
    hub->redelivery.given_up++;
    if (hub->redelivery.keeps_dead) {
        bool written = zl_deadletter_write(&hub->redelivery.dead_letter, hand->frames, hand->count);
        log_delivery(hand, written ? "message in hand set aside to the dead letters"
                                   : "message in hand lost: the dead letters cannot be written");
    } else {
        log_delivery(hand,
                     "message in hand lost; --redeliver gives it again, --dead-letter keeps it");
    }
}

/* A request that was answered is handled; that of a task that spawned this one is its own affair.
 */
static bool is_for_others(struct zl_task *task, const struct zl_delivery_ref *held)
{
    struct zl_delivery *hand = held->hand;
    if (hand->socket->pattern->id != ZL_REPLY)
        return false;
    if (held->inherited)
        return true;
    hand->envelope = zl_envelope_take(task, hand->socket, &hand->envelope_count);
    return hand->envelope == NULL;
}

static void give_again(struct zl_delivery *hand)
{
    STAILQ_INSERT_TAIL(&hand->socket->again, hand, link);
    hand->references++;
    hand->socket->waitqs[ZL_IN].slow_path = true;
    zl_waitq_mark_dirty(hand->socket);
}

void zl_delivery_reject(struct zl_task *task, bool blamed)
{
    struct zl_redelivery *redelivery = &zl_hub_of(task)->redelivery;
    for (const struct zl_delivery_ref *held = zl_work_of(task)->deliveries; held;
         held = held->next) {
        struct zl_delivery *hand = held->hand;
        if (hand->is_aside)
            continue;
        /* On probation it is the code that is blamed. */
        hand->tries += blamed && !redelivery->on_probation;
        if (is_for_others(task, held))
            continue;
        hand->is_aside = true;
        bool again =
            task->sched->phase == ZL_RUNNING &&
            (redelivery->on_probation || (redelivery->most > 0 && hand->tries <= redelivery->most));
        if (!again || !hand->socket->zmq) {
            dead_letter(hand);
            continue;
        }
        redelivery->tries_used += blamed;
        log_delivery(hand, "message in hand when the generation failed; it is given again");
        give_again(hand);
    }
}

/* --- given again ----------------------------------------------------------------------------- */

bool zl_delivery_read_ahead(struct zl_socket *socket, unsigned count)
{
    struct zl_recvbuf *recvbuf = &socket->hub->recvbuf;
    struct zl_delivery *hand = calloc(1, sizeof *hand);
    zmq_msg_t *frames = malloc(count * sizeof *frames);
    if (!hand || !frames) {
        free(hand);
        free(frames);
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        zmq_msg_init(&frames[i]);
        zmq_msg_move(&frames[i], &recvbuf->messages[recvbuf->count - count + i]);
    }
    hand->socket = socket;
    zl_socket_ref_weak(socket);
    hand->frames = frames;
    hand->count = count;
    hand->references = 1;
    hand->is_ahead = true;
    hand->envelope = zl_envelope_take(socket->hub->sched.current, socket, &hand->envelope_count);
    STAILQ_INSERT_TAIL(&socket->again, hand, link);
    return true;
}

int zl_delivery_redeliver(struct zl_socket *socket)
{
    struct zl_task *task = socket->hub->sched.current;
    struct zl_delivery *hand = STAILQ_FIRST(&socket->again);
    if (!zl_recvbuf_fill(&socket->hub->recvbuf, hand->frames, hand->count))
        return -1;
    if (hand->envelope_count > 0 &&
        !zl_envelope_give(task, socket, hand->envelope, hand->envelope_count))
        return -1;
    hand->envelope = NULL;
    hand->envelope_count = 0;
    socket->hub->shared.received = socket->hub->recvbuf.frames;
    STAILQ_REMOVE_HEAD(&socket->again, link);
    zl_delivery_ack(task, socket);
    hand->is_aside = hand->is_ahead = false;
    if (task != socket->hub->sched.outside)
        grip(task, hand, false);
    int count = (int)hand->count;
    unref(hand);
    return count;
}

void zl_delivery_drop(struct zl_socket *socket)
{
    struct zl_delivery *hand;
    while ((hand = STAILQ_FIRST(&socket->again))) {
        STAILQ_REMOVE_HEAD(&socket->again, link);
        if (!hand->is_ahead)
            dead_letter(hand);
        else if (socket->hub->redelivery.keeps_dead)
            zl_deadletter_write(&socket->hub->redelivery.dead_letter, hand->frames, hand->count);
        unref(hand);
    }
}
