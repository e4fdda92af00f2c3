/* SPDX-License-Identifier: MIT */
/* The entry point of the bindings, for main. Belongs to the loop's thread. */
#pragma once

#include <lua.h>

/* A lua_CFunction; its argument is the struct zl_generation as light userdata. Prepares the state
 * for scripts; zeroless itself is loaded when it is first required. May raise. */
int zl_bindings_open(lua_State *L);
