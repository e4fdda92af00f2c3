/* SPDX-License-Identifier: MIT */
/* What servers and clients share: addresses as scripts write them, and the build of a pattern. */
#pragma once

#include <lua.h>

#include "bindings/luasup.h"
#include "bindings/options.h"
#include "runtime/zmq/endpoint.h"

/* The port at `index`. Raises "Port 1023 is invalid, ..." at the caller's line. */
int zl_lua_check_port(lua_State *L, int index);

/* Raises `why`, and remembers that an endpoint was not to be had: uncaught, that has an exit code
 * of its own. */
int zl_lua_unavailable(lua_State *L, const char *why);

/* Puts a socket that was made for `owner` (not yet holding it) into the sender and receiver that a
 * pattern call returns. */
struct zl_pattern_build {
    const struct zl_pattern *pattern;
    struct zl_options options;
    struct zl_handle *sender, *receiver; /* NULL when the pattern has none */
};

/* Begins a pattern call for the object at 1: raises what can be raised before there is a socket,
 * and pushes what the call returns. `pattern` comes from the closure's upvalue. */
void zl_lua_begin_pattern(lua_State *L, enum zl_option_place place, const char *object_name,
                          struct zl_pattern_build *build);

/* The socket of the generation before that fits, taken over with the endpoints it shares with
 * `endpoints`, or NULL: then one is to be opened. `again` says where a socket that cannot be taken
 * over was bound, "" for nowhere. */
struct zl_socket *zl_lua_take_over(lua_State *L, const struct zl_pattern_build *build,
                                   const struct zl_endpoint *endpoints, int count, enum zl_use use,
                                   char again[ZL_ENDPOINT_MAX]);

/* Opens the socket for it, or raises. Nothing of the object is changed. */
struct zl_socket *zl_lua_open_socket(lua_State *L, const struct zl_pattern_build *build);

/* Hands the socket to the owner and what the call returns; logs Ready. How many values it returns.
 */
int zl_lua_finish_pattern(lua_State *L, struct zl_handle *owner, struct zl_socket *socket,
                          const struct zl_pattern_build *build);

/* Logs what is done to an address, at info, with the line of the script. */
void zl_lua_log_address(lua_State *L, const char *message, const struct zl_endpoint *endpoint);

/* Adds a method for each pattern to the table on top of the stack; `make` gets the pattern's id as
 * its first upvalue. */
void zl_lua_pattern_methods(lua_State *L, lua_CFunction make);

/* Keeps a copy of the options table at `index` (or nothing) with the object on top of the stack. */
void zl_lua_keep_options(lua_State *L, int index);
