/* SPDX-License-Identifier: MIT */
/* A script may fork (ffi.C.fork()). The child has none of the threads and shares what the parent
 * polls: it must touch neither libzmq, whose calls fail with EINTR there for ever, nor the loop. */
#pragma once

#include <stdbool.h>

/* This is the process. Called once, at the start. */
void zl_fork_start(void);

/* Whether this is a child of it. */
bool zl_fork_is_child(void);

/* Ends a child, with its own output flushed; returns in the process itself. */
void zl_fork_leave(int code);
