/* SPDX-License-Identifier: MIT */
/* The options of Server{}, Client{} and of the pattern calls: names, types, ranges. */
#pragma once

#include <lua.h>

#include "runtime/socket/socket.h"

enum zl_option_place {
    ZL_AT_SERVER, /* port, host and endpoint are allowed too */
    ZL_AT_CLIENT,
    ZL_AT_PATTERN, /* topic, topics, retries... are allowed too */
};

/* The options that nobody set. */
struct zl_options zl_options_default(const struct zl_pattern *pattern);

/* Reads the table at `index` (nil: nothing) into `options`. `pattern` is NULL while it is not
 * known; then options of single patterns pass. Raises for an unknown name (with the nearest known
 * one), a wrong type, a value out of range, an option that the pattern does not have. The strings
 * and the topics that `options` points to afterwards belong to Lua: they live while the table does,
 * the array of topics while the value that this pushes does. Pushes one value. */
void zl_options_read(lua_State *L, int index, enum zl_option_place place,
                     const struct zl_pattern *pattern, struct zl_options *options);
