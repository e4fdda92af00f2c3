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
    struct zl_delivery *delivery;
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

static void unref(struct zl_delivery *delivery)
{
    if (--delivery->references > 0)
        return;
    zl_envelope_free_frames(delivery->frames, delivery->count);
    zl_envelope_free_frames(delivery->envelope, delivery->envelope_count);
    zl_socket_unref_weak(delivery->socket);
    free(delivery);
}

static bool refer_to(struct zl_task *task, struct zl_delivery *delivery, bool inherited)
{
    struct zl_delivery_ref *new_grip = malloc(sizeof *new_grip);
    if (!new_grip)
        return false;
    *new_grip = (struct zl_delivery_ref){zl_work_of(task)->deliveries, delivery, inherited};
    zl_work_of(task)->deliveries = new_grip;
    delivery->references++;
    return true;
}

/* The way of every message but the first: the copy takes the place of the one before. */
static bool replace(struct zl_task *task, const struct zl_socket *socket, zmq_msg_t *frames,
                    unsigned count)
{
    const struct zl_delivery_ref *held = zl_work_of(task)->deliveries;
    if (!held || held->inherited)
        return false;
    struct zl_delivery *delivery = held->delivery;
    if (delivery->socket != socket || delivery->references > 1 || delivery->count != count)
        return false;
    for (unsigned i = 0; i < count; i++)
        zmq_msg_copy(&delivery->frames[i], &frames[i]);
    delivery->tries = 0;
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
    struct zl_delivery *delivery = calloc(1, sizeof *delivery);
    zmq_msg_t *frames = copy_frames(first, count);
    if (!delivery || !frames || task == socket->hub->sched.outside) {
        if (frames)
            zl_envelope_free_frames(frames, count);
        free(delivery);
        return;
    }
    delivery->socket = socket;
    zl_socket_ref_weak(socket);
    delivery->frames = frames;
    delivery->count = count;
    delivery->references = 1;
    refer_to(task, delivery, false);
    unref(delivery);
}

/* --- handled --------------------------------------------------------------------------------- */

/* The one that the task has of the socket itself; NULL for none. Inherited ones are the oldest. */
static const struct zl_delivery_ref *find_own(const struct zl_task *task,
                                              const struct zl_socket *socket)
{
    const struct zl_delivery_ref *held = zl_work_of(task)->deliveries;
    while (held && (held->inherited || held->delivery->socket != socket))
        held = held->next;
    return held;
}

static void release_newest(struct zl_task *task)
{
    struct zl_delivery_ref *held = zl_work_of(task)->deliveries;
    zl_work_of(task)->deliveries = held->next;
    if (held->delivery->references == 1 && !held->delivery->is_aside)
        zl_hub_of(task)->redelivery.handled++;
    unref(held->delivery);
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
        refer_to(child, held->delivery, true);
}

/* --- failed ---------------------------------------------------------------------------------- */

static size_t bytes_of(struct zl_delivery *delivery)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < delivery->count; i++)
        bytes += zmq_msg_size(&delivery->frames[i]);
    return bytes;
}

/* The message as the log shows it: where it came in, its size, its first bytes. */
static void log_delivery(struct zl_delivery *delivery, const char *message)
{
    enum { SHOWN = 64 };
    char receiver[ZL_WHY_MAX], endpoints[ZL_WHY_MAX - 16], bytes[24], frames[24], tries[24];
    zl_endpoints_describe(delivery->socket, endpoints, sizeof endpoints);
    snprintf(receiver, sizeof receiver, "%s %s", delivery->socket->pattern->name, endpoints);
    snprintf(bytes, sizeof bytes, "%zu", bytes_of(delivery));
    snprintf(frames, sizeof frames, "%u", delivery->count);
    snprintf(tries, sizeof tries, "%d", delivery->tries);
    size_t size = zmq_msg_size(&delivery->frames[0]);
    struct zl_field fields[] = {
        {"receiver", receiver, strlen(receiver), false},
        {"frames", frames, strlen(frames), true},
        {"bytes", bytes, strlen(bytes), true},
        {"tries", tries, strlen(tries), true},
        {"data", zmq_msg_data(&delivery->frames[0]), size < SHOWN ? size : SHOWN, false}};
    struct zl_record record = {.level = ZL_ERROR,
                               .message = message,
                               .size = strlen(message),
                               .source = "",
                               .fields = fields,
                               .count = sizeof fields / sizeof *fields};
    zl_log_emit(&record);
}

static void dead_letter(struct zl_delivery *delivery)
{
    struct zl_hub *hub = delivery->socket->hub;
    hub->redelivery.given_up++;
    if (hub->redelivery.keeps_dead) {
        bool written =
            zl_deadletter_write(&hub->redelivery.dead_letter, delivery->frames, delivery->count);
        log_delivery(delivery, written
                                   ? "message in hand set aside to the dead letters"
                                   : "message in hand lost: the dead letters cannot be written");
    } else {
        log_delivery(delivery,
                     "message in hand lost; --redeliver gives it again, --dead-letter keeps it");
    }
}

/* A request that was answered is handled; that of a task that spawned this one is its own affair.
 */
static bool is_for_others(struct zl_task *task, const struct zl_delivery_ref *held)
{
    struct zl_delivery *delivery = held->delivery;
    if (delivery->socket->pattern->id != ZL_REPLY)
        return false;
    if (held->inherited)
        return true;
    delivery->envelope = zl_envelope_take(task, delivery->socket, &delivery->envelope_count);
    return delivery->envelope == NULL;
}

static void give_again(struct zl_delivery *delivery)
{
    STAILQ_INSERT_TAIL(&delivery->socket->again, delivery, link);
    delivery->references++;
    delivery->socket->waitqs[ZL_IN].slow_path = true;
    zl_waitq_mark_dirty(delivery->socket);
}

void zl_delivery_reject(struct zl_task *task, bool blamed)
{
    struct zl_redelivery *redelivery = &zl_hub_of(task)->redelivery;
    for (const struct zl_delivery_ref *held = zl_work_of(task)->deliveries; held;
         held = held->next) {
        struct zl_delivery *delivery = held->delivery;
        if (delivery->is_aside)
            continue;
        /* On probation it is the code that is blamed. */
        delivery->tries += blamed && !redelivery->on_probation;
        if (is_for_others(task, held))
            continue;
        delivery->is_aside = true;
        bool again = task->sched->phase == ZL_RUNNING &&
                     (redelivery->on_probation ||
                      (redelivery->most > 0 && delivery->tries <= redelivery->most));
        if (!again || !delivery->socket->zmq) {
            dead_letter(delivery);
            continue;
        }
        redelivery->tries_used += blamed;
        log_delivery(delivery, "message in hand when the generation failed; it is given again");
        give_again(delivery);
    }
}

/* --- given again ----------------------------------------------------------------------------- */

bool zl_delivery_read_ahead(struct zl_socket *socket, unsigned count)
{
    struct zl_recvbuf *recvbuf = &socket->hub->recvbuf;
    struct zl_delivery *delivery = calloc(1, sizeof *delivery);
    zmq_msg_t *frames = malloc(count * sizeof *frames);
    if (!delivery || !frames) {
        free(delivery);
        free(frames);
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        zmq_msg_init(&frames[i]);
        zmq_msg_move(&frames[i], &recvbuf->messages[recvbuf->count - count + i]);
    }
    delivery->socket = socket;
    zl_socket_ref_weak(socket);
    delivery->frames = frames;
    delivery->count = count;
    delivery->references = 1;
    delivery->is_ahead = true;
    delivery->envelope =
        zl_envelope_take(socket->hub->sched.current, socket, &delivery->envelope_count);
    STAILQ_INSERT_TAIL(&socket->again, delivery, link);
    return true;
}

int zl_delivery_redeliver(struct zl_socket *socket)
{
    struct zl_task *task = socket->hub->sched.current;
    struct zl_delivery *delivery = STAILQ_FIRST(&socket->again);
    if (!zl_recvbuf_fill(&socket->hub->recvbuf, delivery->frames, delivery->count))
        return -1;
    if (delivery->envelope_count > 0 &&
        !zl_envelope_give(task, socket, delivery->envelope, delivery->envelope_count))
        return -1;
    delivery->envelope = NULL;
    delivery->envelope_count = 0;
    socket->hub->shared.received = socket->hub->recvbuf.frames;
    STAILQ_REMOVE_HEAD(&socket->again, link);
    zl_delivery_ack(task, socket);
    delivery->is_aside = delivery->is_ahead = false;
    if (task != socket->hub->sched.outside)
        refer_to(task, delivery, false);
    int count = (int)delivery->count;
    unref(delivery);
    return count;
}

void zl_delivery_drop(struct zl_socket *socket)
{
    struct zl_delivery *delivery;
    while ((delivery = STAILQ_FIRST(&socket->again))) {
        STAILQ_REMOVE_HEAD(&socket->again, link);
        if (!delivery->is_ahead)
            dead_letter(delivery);
        else if (socket->hub->redelivery.keeps_dead)
            zl_deadletter_write(&socket->hub->redelivery.dead_letter, delivery->frames,
                                delivery->count);
        unref(delivery);
    }
}
