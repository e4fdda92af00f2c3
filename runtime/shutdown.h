/* SPDX-License-Identifier: MIT */
/* The end of the process, after its last turn: sockets are closed and flushed, then what was
 * printed. Called by main and os.exit, on the loop's thread. */
#pragma once

#include "runtime/loop.h"

/* Closes every socket and waits until what was sent is flushed, at most until the drain deadline.
 * Returns the exit code of the process. Never raises and calls no Lua. */
int zl_shutdown_drain(struct zl_loop *loop);

/* The last act of the process: what was printed is written. Returns the exit code. */
int zl_shutdown_leave(struct zl_loop *loop, int code);

_Noreturn void zl_shutdown_exit(struct zl_loop *loop, int code);
