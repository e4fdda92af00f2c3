/* SPDX-License-Identifier: MIT */
/* Returns memory to the system that malloc has held unused for long, whichever thread freed it:
 * memory that libzmq's threads allocated for a peer stays in their heaps after the peer has left. A
 * struct zl_trim belongs to one thread, any one. */
#pragma once

#include <stddef.h>

struct zl_trim {
    size_t floor;      /* bytes resident after the last trim, or the least since */
    size_t least_free; /* bytes, in this window */
    int looks;         /* in this window */
};

/* Called once at startup, then about once a second. Takes malloc's locks. */
void zl_trim_look(struct zl_trim *trim);
