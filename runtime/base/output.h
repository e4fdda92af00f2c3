/* SPDX-License-Identifier: MIT */
/* Writes the host's lines to standard error without blocking on its reader. While it accepts no
 * data, lines are queued, in order and up to a limit, for a thread that writes them. Any thread may
 * call it. */
#pragma once

#include <stddef.h>

/* Writes whole lines. Never fails: lines beyond the limit are dropped and counted as lost. */
void zl_output_write(const char *text, size_t size);

/* The same for printf-formatted text, truncated at 64 KiB. */
void zl_output_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sets the function that reports lost lines. It is called, on any thread, once standard error is
 * writable again. */
void zl_output_on_loss(void (*report)(unsigned long lines));

/* Waits up to `seconds` until the queue is written; the rest is lost. Called when the process ends;
 * otherwise an exit(3) handler calls it with 1 s. */
void zl_output_finish(double seconds);
