/* SPDX-License-Identifier: MIT */
/* The file of messages that no generation could handle (--dead-letter). A message is the number of
 * its frames, then each frame's size in bytes and its bytes; numbers have 32 bits, the highest byte
 * first. scripts/recipes/dead_letters.lua reads it. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>

#include "runtime/zmq/libzmq.h"

struct zl_deadletter {
    int fd; /* -1: not open */
};

/* Makes it one that is not open. */
void zl_deadletter_init(struct zl_deadletter *letters);

/* Opens the file to append to it: a regular one of this user, which nobody else may read (mode 0600
 * is set). False and `why` (ZL_WHY_MAX bytes). Does not wait. */
bool zl_deadletter_open(struct zl_deadletter *letters, const char *path, char *why);

/* Appends one message, whole or not at all. False when the file takes no more. */
bool zl_deadletter_write(struct zl_deadletter *letters, zmq_msg_t *frames, unsigned count);

void zl_deadletter_close(struct zl_deadletter *letters);
