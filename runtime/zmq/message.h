/* SPDX-License-Identifier: MIT */
/* Messages as C and compiled Lua code see them: frames, and what an operation ends with. This
 * header is read by the C compiler and, without its preprocessor lines, by the FFI
 * (lua/zeroless/ffi.lua): plain declarations only. */
#pragma once

#include <stdint.h>

struct zl_frame {
    const char *data;
    uint32_t size; /* bytes */
};

/* The shared ground of one thread's Lua and C. */
struct zl_shared {
    struct zl_frame *received; /* the frames of a message on its way into Lua, which sets this to
                                  nil once it has made strings of them all; NULL otherwise */
    int32_t flags;             /* after a message went: 0, or bits of ZL_FLAG_* */
    int32_t frame_index;       /* after ZL_TOO_BIG: the frame's position, from 1 */
};

enum {
    ZL_FRAMES_MAX = 4096, /* a message with more is not sent, and refused when received */
    ZL_FLAG_TRACE = 1,    /* somebody listens at debug level */
    ZL_FLAG_LINE = 2,     /* the line of the script is to be remembered, for a later error */

    ZL_AGAIN = -1,         /* nothing to receive, no room to send, or others wait longer: wait */
    ZL_PAUSE = -2,         /* the task has run long: let others run, then call again */
    ZL_CLOSED = -3,        /* the socket is closed */
    ZL_STOPPING = -4,      /* the process stops: nothing is received any more */
    ZL_TOO_BIG = -5,       /* a frame is above max_message_size, see frame_index */
    ZL_OFF_TOPIC = -6,     /* the first frame does not begin with the publisher's topic */
    ZL_UNANSWERED = -7,    /* reply: this task has a request in hand; request: asked already */
    ZL_NOTHING_ASKED = -8, /* reply: no request in hand; request: no question is open */
    ZL_GONE = -9,          /* reply: the peer that asked has left */
    ZL_FAILED = -10,       /* libzmq failed otherwise: zl_ffi_error tells */
    ZL_WRONG_SELF = -11,   /* the userdata is no sender (no receiver) */
    ZL_NESTED = -12,       /* a message is on its way into Lua: a finalizer receives meanwhile */
    ZL_REFUSED = -13,      /* the generation that calls has failed or is closed */
    ZL_NOT_ASKED = -14     /* request: the last one found no peer in time, so no reply will come */
};

/* The code for what libzmq has refused just now on this thread, and (after ZL_FAILED) the reason in
 * words. */
int32_t zl_message_failure(void);
const char *zl_message_error(void);
