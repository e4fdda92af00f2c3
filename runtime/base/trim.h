/* SPDX-License-Identifier: MIT */
/* Gives memory back to the system that malloc has kept for long, wherever it was freed: what
 * libzmq's threads have allocated for a peer stays in their own heaps after the peer has left.
 * Belongs to one thread, which may be any. */
#pragma once

#include <stddef.h>

struct zl_trim {
    size_t floor;      /* bytes resident after the last time; the least there were since */
    size_t least_free; /* bytes, in this window */
    int looks;         /* in this window */
};

/* To be called once at the beginning, and then about once a second. Takes the locks of malloc. */
void zl_trim_look(struct zl_trim *trim);
