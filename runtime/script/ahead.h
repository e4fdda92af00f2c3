/* SPDX-License-Identifier: MIT */
/* Compiling ahead: while the serving generation still handles messages, the texts read by a reload
 * are compiled in the state of the next generation, a few at a time. A changed file must compile.
 * The functions of modules are kept until the start is over: require then only calls them. Belongs
 * to the loop's thread. */
#pragma once

#include "runtime/script/generation.h"

enum zl_ahead_outcome { ZL_AHEAD_GOES_ON, ZL_AHEAD_DONE, ZL_AHEAD_FAILED };

/* Begins, after the sources of the generation were read. May raise. */
void zl_ahead_begin(struct zl_generation *generation);

/* Compiles at least one text, and more until `until` (zl_clock_now's clock). If it takes more than
 * one call, a full garbage collection follows, so that the start needs none. A file counts as
 * changed if it differs from its entry in `before`. On ZL_AHEAD_FAILED (a changed file does not
 * compile), `why` (ZL_WHY_MAX bytes) holds the reason. */
enum zl_ahead_outcome zl_ahead_run(struct zl_generation *generation,
                                   const struct zl_sources *before, uint64_t until, char *why);

/* Pushes the function compiled from the text of `source`, with the globals of `L` as its
 * environment. False, with nothing pushed, if the text was not compiled ahead. */
bool zl_ahead_push(lua_State *L, const struct zl_source *source);

/* Drops functions that were not required, once the generation has started. Never raises. */
void zl_ahead_drop(lua_State *L);
