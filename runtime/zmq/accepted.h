/* SPDX-License-Identifier: MIT */
/* The connections that a bound socket has accepted, as its monitor names them. libzmq's I/O threads
 * close them at any moment and their descriptors are used again, so each is recognized by its
 * inode. Owned by whoever closes the socket; the loop's thread alone; never raises. */
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
    bool is_incomplete; /* there was no memory for one */
};

/* Adds the connection behind a descriptor, unless it is closed already. */
void zl_accepted_add(struct zl_accepted *accepted, int fd);

/* Drops those that are closed from the list; whether others are left. */
bool zl_accepted_are_left(struct zl_accepted *accepted);

void zl_accepted_fini(struct zl_accepted *accepted);
