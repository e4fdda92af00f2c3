/* SPDX-License-Identifier: MIT */
/* The connections that a bound socket has accepted, as reported by its monitor. libzmq's I/O
 * threads close them at any time and their descriptors are reused, so each one is identified by its
 * inode. Owned by the code that closes the socket; belongs to the loop's thread; never raises. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct zl_accepted {
    struct zl_accepted_item {
        int fd; /* libzmq's */
        ino_t inode;
    } * items;
    size_t count;
    bool is_incomplete; /* a connection is missing for lack of memory */
};

/* Adds the connection behind a descriptor, unless it is already closed. */
void zl_accepted_add(struct zl_accepted *accepted, int fd);

/* Removes closed connections from the end of the list. Returns whether any may be left. */
bool zl_accepted_prune(struct zl_accepted *accepted);

void zl_accepted_fini(struct zl_accepted *accepted);
