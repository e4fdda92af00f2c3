/* SPDX-License-Identifier: MIT */
/* What main needs of the bindings: the function that makes them in a fresh state. */
#pragma once

#include <lua.h>

/* A lua_CFunction; its argument is the struct zl_loop as light userdata. Prepares the state for
 * scripts; zeroless itself is made when it is first required. */
int zl_bindings_open(lua_State *L);
