/* SPDX-License-Identifier: MIT */
/* A last piece of work on a thread that does not come back. At the forced end what was received is
 * still to be counted and kept, and nobody but the loop's thread may do that: its sockets and lists
 * belong to it. So it is interrupted by a signal, and does the work in the handler where that is
 * safe, which is where the script's code, and neither libzmq, the allocator nor the host, has been
 * interrupted: in compiled Lua code, or blocked in the kernel. Called by the watchdog. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Processor time of the thread in nanoseconds: no change means that it is blocked. -1: unknown. */
int64_t zl_takeover_time(pthread_t thread);

/* Has the thread call `work(arg)`, at most once, and never go on. True when that has ended; false
 * when no safe place was found or the work took too long. The process is to end at once in either
 * case. `is_blocked`: the thread waits in the kernel. */
bool zl_takeover_run(pthread_t thread, bool is_blocked, void (*work)(void *), void *arg);
