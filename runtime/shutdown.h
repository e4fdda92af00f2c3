/* SPDX-License-Identifier: MIT */
/* The end of the process, after its last turn: closes and flushes sockets, then flushes the output.
 * Called by main and os.exit, on the loop's thread. */
#pragma once

#include "runtime/loop.h"

/* Closes every socket and waits until everything is sent, at most until the drain deadline. Returns
 * the exit code of the process. Never raises; runs no Lua. */
int zl_shutdown_drain(struct zl_loop *loop);

/* For the watchdog's forced end, in a signal handler on the loop's thread (takeover.h): logs the
 * cause of the stop if that was not done, sets aside the tasks' deliveries, counts the received
 * messages that were not handled, and dead-letters them with --dead-letter. Nothing may run after
 * it. */
void zl_shutdown_account(void *loop);

/* Flushes the output and stops the watchdog. Returns the exit code, which may change to
 * ZL_EXIT_IO. */
int zl_shutdown_leave(struct zl_loop *loop, int code);

/* Implements os.exit: drains without running Lua, then ends the process. */
_Noreturn void zl_shutdown_exit(struct zl_loop *loop, int code);
