/* SPDX-License-Identifier: MIT */
/* See recvbuf.h. Frames are received into the zmq_msg_t of earlier ones, which libzmq closes on
 * that occasion. */
#include "runtime/zmq/recvbuf.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/zmq/call.h"

static bool grow(struct zl_recvbuf *recvbuf)
{
    unsigned room = recvbuf->room ? recvbuf->room * 2 : 8;
    if (room > ZL_FRAMES_MAX)
        return false;
    zmq_msg_t *messages = malloc(room * sizeof *messages);
    struct zl_frame *frames = malloc(room * sizeof *frames);
    if (!messages || !frames) {
        free(messages);
        free(frames);
        return false;
    }
    zmq_msg_t *before = recvbuf->messages;
    free(recvbuf->frames);
    recvbuf->messages = messages;
    recvbuf->frames = frames;
    for (unsigned i = 0; i < room; i++) {
        zmq_msg_init(&messages[i]);
        if (i >= recvbuf->room)
            continue;
        zmq_msg_move(&messages[i], &before[i]);
        zl_recvbuf_lay_out(recvbuf, i, INT_MAX);
    }
    free(before);
    recvbuf->room = room;
    return true;
}

void zl_recvbuf_clear(struct zl_recvbuf *recvbuf, unsigned first)
{
    for (unsigned i = first; i < recvbuf->count; i++) {
        zmq_msg_close(&recvbuf->messages[i]);
        zmq_msg_init(&recvbuf->messages[i]);
    }
    recvbuf->count = first;
}

void zl_recvbuf_fini(struct zl_recvbuf *recvbuf)
{
    zl_recvbuf_clear(recvbuf, 0);
    free(recvbuf->messages);
    free(recvbuf->frames);
}

void zl_recvbuf_skip_rest(void *zmq, zmq_msg_t *last)
{
    while (zmq_msg_more(last))
        if (zl_call_receive_frame(zmq, last) < 0)
            return;
}

/* There is no room for frame `count` of a message. */
static int32_t refuse(struct zl_recvbuf *recvbuf, void *zmq, unsigned count)
{
    if (count == 0) {
        errno = ENOMEM; /* no room even for the first frame: nothing was received */
        return zl_message_failure();
    }
    zl_recvbuf_skip_rest(zmq, &recvbuf->messages[count - 1]);
    return 0;
}

int32_t zl_recvbuf_receive(struct zl_recvbuf *recvbuf, void *zmq, unsigned count)
{
    while (count == 0 || zmq_msg_more(&recvbuf->messages[count - 1])) {
        if (count == recvbuf->room && !grow(recvbuf))
            return refuse(recvbuf, zmq, count);
        int size = zl_call_receive_frame(zmq, &recvbuf->messages[count]);
        if (size < 0)
            return zl_message_failure();
        zl_recvbuf_lay_out(recvbuf, count++, size);
        if (recvbuf->count < count)
            recvbuf->count = count;
    }
    if (recvbuf->count > count)
        zl_recvbuf_clear(recvbuf, count);
    return (int32_t)count;
}

bool zl_recvbuf_fill(struct zl_recvbuf *recvbuf, zmq_msg_t *frames, unsigned count)
{
    zl_recvbuf_clear(recvbuf, 0);
    while (recvbuf->room < count)
        if (!grow(recvbuf))
            return false;
    for (unsigned i = 0; i < count; i++) {
        zmq_msg_copy(&recvbuf->messages[i], &frames[i]);
        zl_recvbuf_lay_out(recvbuf, i, INT_MAX);
    }
    recvbuf->count = count;
    return true;
}
