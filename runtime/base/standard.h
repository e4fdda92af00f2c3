/* SPDX-License-Identifier: MIT */
/* The three standard descriptors: open from the first moment on, and standard output watched for
 * writes that fail. Lowest layer but the log; belongs to the main thread. */
#pragma once

#include "runtime/base/exit.h"

/* Opens /dev/null on every descriptor of 0, 1 and 2 that is closed, so that nothing else is opened
 * there; reading from and writing to it fail as on a closed one. Called before anything is opened.
 */
void zl_standard_fill(void);

/* Flushes standard output; the first failure is logged. Never raises. */
void zl_standard_flush(void);

/* The exit code of the process: ZL_EXIT_IO in place of 0 when something printed was lost. */
int zl_standard_finish(int code);
