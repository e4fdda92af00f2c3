/* SPDX-License-Identifier: MIT */
/* The options of Server{}, Client{} and the pattern calls: names, types, ranges. Belongs to the
 * loop's thread. */
#pragma once

#include <lua.h>

#include "runtime/socket/socket.h"

enum zl_option_place {
    ZL_AT_SERVER, /* port, host and endpoint are allowed too */
    ZL_AT_CLIENT,
    ZL_AT_PATTERN, /* topic, topics, retries... are allowed too */
};

/* The default options. */
struct zl_options zl_options_default(const struct zl_pattern *pattern);

/* Reads the table at `index` (nil: nothing) into `options`. `pattern` is NULL while it is unknown:
 * options of any pattern are then accepted. Raises for an unknown name (suggesting the nearest
 * known one), a wrong type, a value out of range, or an option that the pattern does not have.
 * Strings and topics that `options` then points to belong to Lua: strings live as long as the
 * table, the array of topics as long as the value that this pushes. Pushes one value. */
void zl_options_read(lua_State *L, int index, enum zl_option_place place,
                     const struct zl_pattern *pattern, struct zl_options *options);
