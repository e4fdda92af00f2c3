/* SPDX-License-Identifier: MIT */
/* zeroless.state on its way from one generation to the next. The bytes are the host's own: nothing
 * that a peer has sent is ever decoded. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct zl_generation;

/* zeroless.state as bytes, allocated, in the place of what `*bytes` is; NULL when the script has
 * none. False and `why`: it holds what cannot be carried. */
bool zl_state_take(struct zl_generation *generation, char **bytes, size_t *size, char *why);

/* What zeroless.state begins with; NULL for nothing. False and `why`: no memory. */
bool zl_state_give(struct zl_generation *generation, const char *bytes, size_t size, char *why);
