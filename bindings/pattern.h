/* SPDX-License-Identifier: MIT */
/* Code shared by servers and clients: addresses as scripts write them, and building a pattern.
 * Belongs to the loop's thread. */
#pragma once

#include <lua.h>

#include "bindings/luasup.h"
#include "bindings/options.h"
#include "runtime/zmq/endpoint.h"

/* The port at `index`. Raises "Port 1023 is invalid, ..." at the caller's line. */
int zl_lua_check_port(lua_State *L, int index);

/* Raises `why` and records it as an "endpoint unavailable" error: uncaught, it has its own exit
 * code. */
int zl_lua_unavailable(lua_State *L, const char *why);

/* The state of a pattern call. */
struct zl_pattern_build {
    const struct zl_pattern *pattern;
    struct zl_options options;
    struct zl_handle *sender, *receiver; /* NULL if the pattern has none */
};

/* Begins a pattern call for the object at index 1: raises everything that can be raised before
 * there is a socket, and pushes the values that the call returns. The pattern comes from the
 * closure's upvalue. */
void zl_lua_begin_pattern(lua_State *L, enum zl_option_place place, const char *object_name,
                          struct zl_pattern_build *build);

/* Takes over a matching socket of the previous generation, with the endpoints that it shares with
 * `endpoints`. NULL if there is none: a new one is then to be opened. `again` receives the endpoint
 * at which a conflicting socket is bound, or "". */
struct zl_socket *zl_lua_take_over(lua_State *L, const struct zl_pattern_build *build,
                                   const struct zl_endpoint *endpoints, int count, enum zl_use use,
                                   char again[ZL_ENDPOINT_MAX]);

/* Opens the socket, or raises with the object unchanged. */
struct zl_socket *zl_lua_open_socket(lua_State *L, const struct zl_pattern_build *build);

/* Stores the socket in the owner and in the returned objects; logs "Ready...". Returns the number
 * of results. */
int zl_lua_finish_pattern(lua_State *L, struct zl_handle *owner, struct zl_socket *socket,
                          const struct zl_pattern_build *build);

/* Logs `message` and the endpoint at info level, with the line of the script. */
void zl_lua_log_address(lua_State *L, const char *message, const struct zl_endpoint *endpoint);

/* Adds a method for each pattern to the table on top of the stack; the first upvalue of `make` is
 * the pattern's id. */
void zl_lua_pattern_methods(lua_State *L, lua_CFunction make);

/* Attaches a copy of the options table at `index` (or an empty one) to the object on top of the
 * stack. */
void zl_lua_keep_options(lua_State *L, int index);
