/* SPDX-License-Identifier: MIT */
/* SIGHUP requests a reload; SIGINT and SIGTERM request a stop. The first stop request is passed to
 * the loop. A second one ends the process inside the handler, because a script in compiled code may
 * never return to the loop. Belongs to the main thread; handlers run on any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* Called from the signal handler on the first stop request. */
typedef void zl_signals_on_stop(void *arg);

/* Installs the handlers. Each signal wakes the loop (timers.h). */
void zl_signals_start(uv_loop_t *uv, zl_signals_on_stop *on_stop, void *arg);

/* Reinstalls handlers that libuv has reset: when the last handle of a script for a signal stops,
 * libuv restores the default action, which ends the process. */
void zl_signals_renew(void);

/* Blocks (true) or unblocks (false) the signals, while handles for them are closed. */
void zl_signals_hold(bool holds);

/* Detaches the loop, which is about to be closed. Signals stay handled until the process has ended,
 * so that a late one, such as the second one of timeout(1), does not change the exit code. */
void zl_signals_stop(void);

/* Whether a reload was requested since the last call; clears the request. */
bool zl_signals_reload(void);

/* Fills `out` with the origin of the stop request, for the log, and returns it. */
const char *zl_signals_describe(char *out, size_t size);

/* The signal that requested the stop, or 0. */
int zl_signals_pending(void);
