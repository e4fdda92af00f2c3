/* SPDX-License-Identifier: MIT */
/* See recvbuf.h. A message is received into the place of an earlier one, which libzmq closes then.
 */
#include "runtime/zmq/recvbuf.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/base/log.h"
#include "runtime/zmq/call.h"

static bool grow(struct zl_inbox *inbox)
{
    unsigned room = inbox->room ? inbox->room * 2 : 8;
    if (room > ZL_FRAMES_MAX)
        return false;
    zmq_msg_t *messages = malloc(room * sizeof *messages);
    struct zl_frame *frames = malloc(room * sizeof *frames);
    if (!messages || !frames) {
        free(messages);
        free(frames);
        return false;
    }
    zmq_msg_t *before = inbox->messages;
    free(inbox->frames);
    inbox->messages = messages;
    inbox->frames = frames;
    for (unsigned i = 0; i < room; i++) {
        zmq_msg_init(&messages[i]);
        if (i >= inbox->room)
            continue;
        zmq_msg_move(&messages[i], &before[i]);
        zl_inbox_lay_out(inbox, i, INT_MAX);
    }
    free(before);
    inbox->room = room;
    return true;
}

void zl_inbox_clear(struct zl_inbox *inbox, unsigned first)
{
    for (unsigned i = first; i < inbox->count; i++) {
        zmq_msg_close(&inbox->messages[i]);
        zmq_msg_init(&inbox->messages[i]);
    }
    inbox->count = first;
}

void zl_inbox_fini(struct zl_inbox *inbox)
{
    zl_inbox_clear(inbox, 0);
    free(inbox->messages);
    free(inbox->frames);
}

void zl_inbox_skip_rest(void *zmq, zmq_msg_t *last)
{
    while (zmq_msg_more(last))
        if (zl_wire_receive_frame(zmq, last) < 0)
            return;
}

/* There is no place for frame `count` of a message. */
static int32_t refuse(struct zl_inbox *inbox, void *zmq, unsigned count)
{
    if (count == 0) {
        errno = ENOMEM; /* not even room for one: nothing was taken */
        return zl_message_failure();
    }
    zl_inbox_skip_rest(zmq, &inbox->messages[count - 1]);
    zl_log_later(ZL_WARN, "", "refused a message with more than %u frames", count);
    return 0;
}

int32_t zl_inbox_receive(struct zl_inbox *inbox, void *zmq, unsigned count)
{
    while (count == 0 || zmq_msg_more(&inbox->messages[count - 1])) {
        if (count == inbox->room && !grow(inbox))
            return refuse(inbox, zmq, count);
        int size = zl_wire_receive_frame(zmq, &inbox->messages[count]);
        if (size < 0)
            return zl_message_failure();
        zl_inbox_lay_out(inbox, count++, size);
        if (inbox->count < count)
            inbox->count = count;
    }
    if (inbox->count > count)
        zl_inbox_clear(inbox, count);
    return (int32_t)count;
}

bool zl_inbox_fill(struct zl_inbox *inbox, zmq_msg_t *frames, unsigned count)
{
    zl_inbox_clear(inbox, 0);
    while (inbox->room < count)
        if (!grow(inbox))
            return false;
    for (unsigned i = 0; i < count; i++) {
        zmq_msg_copy(&inbox->messages[i], &frames[i]);
        zl_inbox_lay_out(inbox, i, INT_MAX);
    }
    inbox->count = count;
    return true;
}
