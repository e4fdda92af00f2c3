/* SPDX-License-Identifier: MIT */
/* Open files: their limit, and whether there is room for more of them. Any thread. */
#pragma once

#include <stdbool.h>

/* Descriptors that an operation on a socket may need at once, inside libzmq's threads too. */
enum { ZL_HEADROOM = 8 };

/* Raises the soft limit of open files to the hard one. Never fails. */
void zl_limits_raise(void);

/* Whether `count` more descriptors can be had; fills `why` (ZL_WHY_MAX bytes) when not. */
bool zl_limits_headroom(int count, char *why);
