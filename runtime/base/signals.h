/* SPDX-License-Identifier: MIT */
/* SIGHUP asks for a reload. SIGINT and SIGTERM ask to stop. The first one is handed to the loop; a
 * second one leaves at once from the handler itself, because a script in compiled code may never
 * come back to the loop. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* Called from the signal handler when the process is asked to stop for the first time. */
typedef void zl_signals_asked(void *arg);

/* Installs the handlers for the loop that is to be stopped, which is woken up (timers.h). */
void zl_signals_start(uv_loop_t *uv, zl_signals_asked *asked, void *arg);

/* libuv gives a signal back to its default action, which ends the process, when the last handle of
 * a script for it stops: it is handled here again. */
void zl_signals_renew(void);

/* Lets signals wait (no more) while such handles are closed. */
void zl_signals_hold(bool holds);

/* The loop is about to go. Signals stay handled until the process has ended, so that one that comes
 * late, as the second one of timeout(1) does, does not change its exit code. */
void zl_signals_stop(void);

/* Whether SIGHUP has come since this was asked last. */
bool zl_signals_reload(void);

/* What has asked the process to stop, for the log: `out`, filled. */
const char *zl_signals_describe(char *out, size_t size);

/* The signal that asked the process to stop, 0 when none did. */
int zl_signals_pending(void);
