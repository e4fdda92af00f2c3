/* SPDX-License-Identifier: MIT */
/* SIGHUP asks for a reload. SIGINT and SIGTERM ask to stop. The first one is handed to the loop; a
 * second one leaves at once from the handler itself, because a script in compiled code may never
 * come back to the loop. */
#pragma once

#include <stdbool.h>

struct zl_loop;

/* Installs the handlers for the loop that is to be stopped. */
void zl_signals_start(struct zl_loop *loop);

/* Restores what was there before. */
void zl_signals_stop(void);

/* Whether SIGHUP has come since this was asked last. */
bool zl_signals_reload(void);

/* The signal that asked the process to stop, 0 when none did. */
int zl_signals_pending(void);
