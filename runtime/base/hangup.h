/* SPDX-License-Identifier: MIT */
/* SIGHUP while a script starts. Until the script has required zeroless (or not), it is undecided
 * whether SIGHUP requests a reload or ends the process. Belongs to the main thread. */
#pragma once

#include <stdbool.h>

/* Defers SIGHUP until zl_hangup_release, for at most 1 s; then the default action ends the process.
 * SIGHUP stays ignored if it was (nohup). */
void zl_hangup_hold(void);

/* Ends the deferral: SIGHUP no longer ends the process. Returns whether one was deferred. */
bool zl_hangup_release(void);
