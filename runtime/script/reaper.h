/* SPDX-License-Identifier: MIT */
/* Generations that are closed but whose state cannot be yet: a thread of libuv's pool works on a
 * request of theirs, and its memory is the state's. None of their code runs any more; nothing waits
 * for them. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>

struct zl_host;

/* Closes the states of those whose requests are over; called before the loop sleeps. */
void zl_reaper_turn(struct zl_host *host);

/* The process ends: gives the rest a moment, then leaves their memory as it is. Returns whether
 * that was so. */
bool zl_reaper_fini(struct zl_host *host);
