/* SPDX-License-Identifier: MIT */
/* The three standard descriptors: kept open from the start, and standard output checked for failed
 * writes. Belongs to the main thread. */
#pragma once

#include "runtime/base/exit.h"

/* Opens /dev/null on each of the descriptors 0, 1 and 2 that is closed, so that no other file gets
 * that number; reading and writing still fail as on a closed descriptor. Called before anything
 * else is opened. */
void zl_standard_fill(void);

/* Flushes standard output and logs the first failure. Never raises. */
void zl_standard_flush(void);

/* Flushes standard output and returns the exit code of the process: `code`, or ZL_EXIT_IO in place
 * of 0 if output was lost. */
int zl_standard_finish(int code);
