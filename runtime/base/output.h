/* SPDX-License-Identifier: MIT */
/* Standard error for the host's lines, without waiting for its reader: where it takes nothing now,
 * lines are queued for a thread that waits in the place of the caller, in order, up to a limit.
 * Lowest layer; any thread may call it. */
#pragma once

#include <stddef.h>

/* Writes whole lines. Never fails: what finds no room is counted as lost. */
void zl_output_write(const char *text, size_t size);

/* The same, made as printf does; cut at 64 KiB. */
void zl_output_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `report` is called, on any thread, when lines that were lost can be told about. */
void zl_output_on_loss(void (*report)(unsigned long lines));

/* Waits at most so many seconds until what is queued is written; the rest is lost. The process ends
 * then. Without a call it is done at exit(3), for a second. */
void zl_output_finish(double seconds);
