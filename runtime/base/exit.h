/* SPDX-License-Identifier: MIT */
/* How the process ends, and its last step. */
#pragma once

#include <stdbool.h>

/* How the process ends; docs/api.md tells the script author. */
enum zl_exit {
    ZL_EXIT_OK = 0,
    ZL_EXIT_ERROR = 1, /* an uncaught error */
    ZL_EXIT_USAGE = 2,
    ZL_EXIT_NO_SCRIPT = 66,
    ZL_EXIT_UNAVAILABLE = 69, /* an endpoint is not to be had */
    ZL_EXIT_IO = 74,          /* something printed could not be written */
    ZL_EXIT_UNDRAINED = 75    /* the drain deadline passed with something unsent or unfinished */
};

/* Called right before exit, or before main returns `code`. With `has_threads` the process ends
 * here, its output flushed: a thread of libuv's pool is in a call that may never return, or those
 * of libzmq run on, and exit would run the libraries' own clean-up, which frees what such a thread
 * uses, and joins it. */
void zl_exit_prepare(int code, bool has_threads);

/* The process leaves without freeing its memory: not to be reported as a leak. */
void zl_exit_leave_memory(void);
