/* SPDX-License-Identifier: MIT */
/* Messages as C and compiled Lua code see them: frames, and the result codes of operations. Parsed
 * by the C compiler and, without its preprocessor lines, by the FFI (lua/zeroless/ffi.lua): plain
 * declarations only. */
#pragma once

#include <stdint.h>

struct zl_frame {
    const char *data;
    uint32_t size; /* bytes */
};

/* The memory shared by one thread's Lua and C. */
struct zl_shared {
    struct zl_frame *received; /* the frames of a message being passed to Lua, which resets this
                                  to nil when it has copied them all; NULL otherwise */
    int32_t flags;             /* after a successful operation: 0, or bits of ZL_FLAG_* */
    int32_t frame_index;       /* after ZL_TOO_BIG: the frame's position, from 1 */
};

enum {
    ZL_FRAMES_MAX = 4096, /* longer messages are neither sent nor received */
    ZL_FLAG_TRACE = 1,    /* the debug level is logged: trace the message */
    ZL_FLAG_LINE = 2,     /* note the script's call site, for a later error */

    ZL_AGAIN = -1,         /* nothing to receive, no room to send, or not this task's turn: wait */
    ZL_PAUSE = -2,         /* the task's time slice is over: let others run, then call again */
    ZL_CLOSED = -3,        /* the socket is closed */
    ZL_STOPPING = -4,      /* the process is stopping: nothing more is received */
    ZL_TOO_BIG = -5,       /* a frame exceeds max_message_size, see frame_index */
    ZL_OFF_TOPIC = -6,     /* the first frame does not begin with the publisher's topic */
    ZL_UNANSWERED = -7,    /* receiving: reply still owed; sending a request: one is still open */
    ZL_NOTHING_ASKED = -8, /* reply: no request to reply to; receiving a reply: no request open */
    ZL_GONE = -9,          /* reply: the requesting peer has left */
    ZL_FAILED = -10,       /* other failure of libzmq: zl_ffi_error gives the reason */
    ZL_WRONG_SELF = -11,   /* the userdata is not a sender (or receiver) */
    ZL_NESTED = -12,       /* a finalizer receives while `received` is not yet consumed */
    ZL_REFUSED = -13,      /* the calling generation has failed or is closed */
    ZL_NOT_ASKED = -14     /* request: no peer was found in time, so no reply will come */
};

/* The result code for the failed libzmq call just made on this thread, and (after ZL_FAILED) its
 * reason as text. */
int32_t zl_message_failure(void);
const char *zl_message_error(void);
