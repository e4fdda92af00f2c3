/* SPDX-License-Identifier: MIT */
/* The end of the process, after its last turn: sockets are closed and flushed, then what was
 * printed. Called by main and os.exit, on the loop's thread. */
#pragma once

#include "runtime/loop.h"

/* Closes every socket and waits until what was sent is flushed, at most until the drain deadline.
 * Returns the exit code of the process. Never raises and calls no Lua. */
int zl_shutdown_drain(struct zl_loop *loop);

/* For the watchdog's forced end, in a signal handler on the loop's thread (takeover.h): logs the
 * cause of the stop if that was not done, sets aside what tasks have in hand, counts what was
 * received and nobody has handled, and keeps it with --dead-letter. Nothing goes on after it. */
void zl_shutdown_account(void *loop);

/* The last act of the process: what was printed is written. Returns the exit code. */
int zl_shutdown_leave(struct zl_loop *loop, int code);

_Noreturn void zl_shutdown_exit(struct zl_loop *loop, int code);
