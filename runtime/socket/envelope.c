/* SPDX-License-Identifier: MIT */
/* See envelope.h. */
#include "runtime/socket/envelope.h"

#include <stdlib.h>

#include "runtime/socket/work.h"

void zl_envelope_free_frames(zmq_msg_t *frames, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        zmq_msg_close(&frames[i]);
    free(frames);
}

struct zl_envelope *zl_envelope_find(const struct zl_task *task, const struct zl_socket *socket)
{
    struct zl_envelope *envelope = zl_work_of(task)->envelopes;
    while (envelope && envelope->socket != socket)
        envelope = envelope->next;
    return envelope;
}

struct zl_envelope *zl_envelope_make(struct zl_task *task, struct zl_socket *socket)
{
    struct zl_envelope *envelope = zl_envelope_find(task, socket);
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

zmq_msg_t *zl_envelope_take(struct zl_task *task, const struct zl_socket *socket, unsigned *count)
{
    struct zl_envelope *envelope = zl_envelope_find(task, socket);
    if (!envelope || !envelope->open)
        return NULL;
    zmq_msg_t *frames = envelope->frames;
    *count = envelope->count;
    envelope->frames = NULL;
    envelope->count = 0;
    envelope->open = false;
    return frames;
}

bool zl_envelope_give(struct zl_task *task, struct zl_socket *socket, zmq_msg_t *frames,
                      unsigned count)
{
    struct zl_envelope *envelope = zl_envelope_make(task, socket);
    if (!envelope)
        return false;
    zl_envelope_free_frames(envelope->frames, envelope->count);
    envelope->frames = frames;
    envelope->count = count;
    envelope->open = true;
    return true;
}
