/* SPDX-License-Identifier: MIT */
/* The limit of open files, and the headroom below it. Any thread. */
#pragma once

#include <stdbool.h>

/* Descriptors that one socket operation may need at once, including those that libzmq's threads
 * open. */
enum { ZL_HEADROOM = 8 };

/* Raises the soft limit of open files to the hard limit. Never fails. */
void zl_limits_raise(void);

/* Whether `count` more descriptors can be opened (32 at most are tried); if not, fills `why`
 * (ZL_WHY_MAX bytes). */
bool zl_limits_headroom(int count, char *why);
