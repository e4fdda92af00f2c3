/* SPDX-License-Identifier: MIT */
/* Compiling ahead: while the serving generation still handles messages, the texts that a reload has
 * read are compiled in the state of the next generation, a few at a time. A file that has changed
 * must compile. The functions of modules are kept until the start is over: require then only calls
 * them. Belongs to the loop's thread. */
#pragma once

#include "runtime/script/generation.h"

enum zl_ahead_outcome { ZL_AHEAD_GOES_ON, ZL_AHEAD_DONE, ZL_AHEAD_FAILED };

/* Once the sources of the generation are read. May raise. */
void zl_ahead_begin(struct zl_generation *generation);

/* Compiles at least one text, and more until `until` (on the clock of zl_clock_now). Compilation
 * that takes more than one call is followed by a garbage collection, so that the start needs none.
 * `before`: the sources against which a file counts as changed. ZL_AHEAD_FAILED: a changed file
 * does not compile; the reason is in `why` (ZL_WHY_MAX bytes). */
enum zl_ahead_outcome zl_ahead_run(struct zl_generation *generation,
                                   const struct zl_sources *before, uint64_t until, char *why);

/* Pushes the function that the text of `source` was compiled to, with the globals of `L`. False,
 * with nothing pushed, where it was not. */
bool zl_ahead_push(lua_State *L, const struct zl_source *source);

/* The generation has started: what it has not required is given up. Never raises. */
void zl_ahead_drop(lua_State *L);
