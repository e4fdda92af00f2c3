/* SPDX-License-Identifier: MIT */
/* The last step of the process. */
#pragma once

#include <stdbool.h>

/* Called right before exit, or before main returns `code`. With `has_threads` the process ends
 * here, its output flushed: a thread of libuv's pool is in a call that may never return, or those
 * of libzmq run on, and exit would run the libraries' own clean-up, which frees what such a thread
 * uses, and joins it. */
void zl_exit_prepare(int code, bool has_threads);

/* The process leaves without freeing its memory: not to be reported as a leak. */
void zl_exit_leave_memory(void);
