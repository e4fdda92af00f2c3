/* SPDX-License-Identifier: MIT */
/* See send.h. A small frame is copied into libzmq's message. A large one is not: libzmq sends from
 * the string's own block, which is kept alive until libzmq releases it. */
#include "runtime/zmq/send.h"

#include <errno.h>

#include "runtime/base/heap.h"
#include "runtime/zmq/call.h"
#include "runtime/zmq/message.h"

/* Also called on libzmq's threads. */
static void free_block(void *data, void *block)
{
    (void)data;
    zl_heap_release(block);
}

static int send_large(void *zmq, const struct zl_frame *frame, int flags)
{
    char *text = (char *)frame->data;
    char *block = text - zl_heap_text_offset();
    zmq_msg_t message;
    if (zmq_msg_init_data(&message, text, frame->size, free_block, block) != 0)
        return -1;
    zl_heap_share(block);
    int sent = zl_call_send_frame(zmq, &message, flags);
    if (sent < 0) {
        int error = zmq_errno();
        zmq_msg_close(&message);
        errno = error;
    }
    return sent;
}

int32_t zl_send_frames(void *zmq, const struct zl_frame *frames, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0);
        int sent = frames[i].size < ZL_LARGE
                       ? zl_call_send(zmq, frames[i].data, frames[i].size, flags)
                       : send_large(zmq, &frames[i], flags);
        if (sent < 0)
            return zl_message_failure();
    }
    return 0;
}

bool zl_send_bytes(void *zmq, const void *data, size_t size)
{
    return zl_call_send(zmq, data, size, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0;
}
