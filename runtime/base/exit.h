/* SPDX-License-Identifier: MIT */
/* Exit codes, and the last step before the process exits. Called on the main thread. */
#pragma once

#include <stdbool.h>

/* Exit codes of the process; docs/api.md documents them for script authors. */
enum zl_exit {
    ZL_EXIT_OK = 0,
    ZL_EXIT_ERROR = 1, /* an uncaught error */
    ZL_EXIT_USAGE = 2,
    ZL_EXIT_NO_SCRIPT = 66,
    ZL_EXIT_UNAVAILABLE = 69, /* an endpoint is unavailable */
    ZL_EXIT_IO = 74,          /* output to standard output could not be written */
    ZL_EXIT_UNDRAINED = 75    /* unsent or unfinished work at the drain deadline */
};

/* Called right before exit, or before main returns `code`. With `has_threads`, flushes stdio and
 * ends the process here with _exit: a thread of libuv's pool is inside a call that may never
 * return, or libzmq's threads are still running. The libraries' own exit handlers would free memory
 * that such a thread uses, and join it. */
void zl_exit_prepare(int code, bool has_threads);

/* Suppresses leak reports: the process is about to exit without freeing its memory. */
void zl_exit_leave_memory(void);
