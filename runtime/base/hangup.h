/* SPDX-License-Identifier: MIT */
/* SIGHUP while a script starts. It is not known yet whether the script uses zeroless, where SIGHUP
 * asks for a reload, or not, where it ends the process. Belongs to the main thread. */
#pragma once

#include <stdbool.h>

/* From now on a SIGHUP waits for zl_hangup_release, for at most a second; after that it ends the
 * process. An ignored one (nohup) stays ignored. */
void zl_hangup_hold(void);

/* Whether a SIGHUP is waiting. It no longer ends the process. */
bool zl_hangup_release(void);
