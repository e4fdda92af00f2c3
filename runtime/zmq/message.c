/* SPDX-License-Identifier: MIT */
/* See message.h. */
#include "runtime/zmq/message.h"

#include <errno.h>

#include "runtime/zmq/libzmq.h"

static _Thread_local int last_error;

const char *zl_message_error(void)
{
    return zmq_strerror(last_error);
}

int32_t zl_message_failure(void)
{
    last_error = zmq_errno();
    if (last_error == EAGAIN)
        return ZL_AGAIN;
    return last_error == EHOSTUNREACH ? ZL_GONE : ZL_FAILED;
}
