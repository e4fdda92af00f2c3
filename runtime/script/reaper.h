/* SPDX-License-Identifier: MIT */
/* Closed generations whose state cannot be closed yet, because a thread of libuv's pool works on a
 * request in the state's memory. None of their code runs; nothing waits for them. Belongs to the
 * loop's thread. */
#pragma once

#include <stdbool.h>

struct zl_host;

/* Closes the states whose requests have ended; called before the loop sleeps. */
void zl_reaper_turn(struct zl_host *host);

/* Called when the process exits: waits up to 500 ms for the remaining requests. Returns whether any
 * is left, whose memory is then not freed. */
bool zl_reaper_fini(struct zl_host *host);
