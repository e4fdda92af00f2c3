/* SPDX-License-Identifier: MIT */
/* See pattern.h. A pattern call has three steps: everything that may raise, then everything that
 * affects the socket, then handing it to the objects, which cannot fail. */
#include "bindings/pattern.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/reload/adoption.h"
#include "runtime/script/generation.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/line.h"

int zl_lua_check_port(lua_State *L, int index)
{
    double port = lua_type(L, index) == LUA_TNUMBER ? lua_tonumber(L, index) : 0;
    if (zl_port_check(port))
        return (int)port;
    if (lua_isnoneornil(L, index))
        return luaL_error(L, "a port is missing; choose one between 1024 and 65535");
    if (lua_type(L, index) == LUA_TSTRING)
        return luaL_error(L,
                          "Port \"%s\" is invalid, choose one between 1024 and 65535 (a number, "
                          "not a string)",
                          lua_tostring(L, index));
    lua_pushvalue(L, index);
    const char *text =
        lua_type(L, index) == LUA_TNUMBER ? lua_tostring(L, -1) : luaL_typename(L, index);
    return luaL_error(L, "Port %s is invalid, choose one between 1024 and 65535", text);
}

int zl_lua_unavailable(lua_State *L, const char *why)
{
    struct zl_generation *generation = zl_lua_generation(L);
    snprintf(generation->unavailable, sizeof generation->unavailable, "%s", why);
    return luaL_error(L, "%s", why);
}

void zl_lua_keep_options(lua_State *L, int index)
{
    lua_newtable(L);
    if (lua_istable(L, index)) {
        lua_pushnil(L);
        while (lua_next(L, index)) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, -4);
        }
    }
    lua_setfenv(L, -2);
}

void zl_lua_begin_pattern(lua_State *L, enum zl_option_place place, const char *object_name,
                          struct zl_pattern_build *build)
{
    int id = (int)lua_tointeger(L, lua_upvalueindex(1));
    struct zl_handle *owner = lua_touserdata(L, 1);
    zl_lua_live(L);
    build->pattern = zl_pattern_get((enum zl_pattern_id)id);
    if (owner->socket && owner->socket->zmq)
        luaL_error(L, "%s already has a pattern (%s); make another %s for %s", object_name,
                   owner->socket->pattern->name, object_name, build->pattern->name);
    lua_settop(L, 2);
    build->options = zl_options_default(build->pattern);
    lua_getfenv(L, 1);
    zl_options_read(L, 3, place, build->pattern, &build->options);
    zl_options_read(L, 2, ZL_AT_PATTERN, build->pattern, &build->options);
    build->sender = build->pattern->sends
                        ? zl_lua_new_handle(L, zl_sender_class, sizeof(struct zl_handle))
                        : NULL;
    build->receiver = build->pattern->receives
                          ? zl_lua_new_handle(L, zl_receiver_class, sizeof(struct zl_handle))
                          : NULL;
}

static void log_caller(lua_State *L, const char *format, const char *what, const char *more)
{
    char line[ZL_LINE_MAX];
    if (!zl_log_wanted(ZL_INFO))
        return;
    zl_lua_caller(L, 1, line);
    zl_log(ZL_INFO, line, format, what, more);
}

struct zl_socket *zl_lua_take_over(lua_State *L, const struct zl_pattern_build *build,
                                   const struct zl_endpoint *endpoints, int count, enum zl_use use,
                                   char again[ZL_ENDPOINT_MAX])
{
    char name[ZL_WHY_MAX];
    struct zl_socket_spec spec = {build->pattern, &build->options, endpoints, count, use};
    struct zl_conflict conflict;
    struct zl_socket *socket = zl_adoption_find(&zl_lua_loop(L)->reload.finder, &spec, &conflict);
    memcpy(again, conflict.endpoint, ZL_ENDPOINT_MAX);
    if (conflict.option)
        log_caller(L, "Opening another %s: option '%s' cannot change while a socket is open",
                   build->pattern->name, conflict.option);
    if (!socket)
        return NULL;
    if (!zl_adoption_take(socket, &spec))
        luaL_error(L, "not enough memory");
    zl_endpoints_describe(socket, name, sizeof name);
    log_caller(L, "Keeping the %s at %s", socket->pattern->name, name);
    return socket;
}

struct zl_socket *zl_lua_open_socket(lua_State *L, const struct zl_pattern_build *build)
{
    char why[ZL_WHY_MAX];
    struct zl_socket *socket =
        zl_sockets_open(&zl_lua_loop(L)->hub, build->pattern, &build->options, why);
    if (!socket)
        zl_lua_unavailable(L, why);
    return socket;
}

void zl_lua_log_address(lua_State *L, const char *message, const struct zl_endpoint *endpoint)
{
    log_caller(L, "%s %s", message, endpoint->text);
}

static void log_ready(lua_State *L, const struct zl_socket *socket)
{
    if (!zl_log_wanted(ZL_INFO))
        return;
    char line[ZL_LINE_MAX], endpoints[ZL_WHY_MAX];
    zl_lua_caller(L, 1, line);
    zl_endpoints_describe(socket, endpoints, sizeof endpoints);
    struct zl_field fields[] = {
        {"pattern", socket->pattern->name, strlen(socket->pattern->name), false},
        {"endpoint", endpoints, strlen(endpoints), false}};
    struct zl_record record = {.level = ZL_INFO,
                               .message = "Ready...",
                               .size = 8,
                               .source = line,
                               .fields = fields,
                               .count = 2};
    zl_log_emit(&record);
}

int zl_lua_finish_pattern(lua_State *L, struct zl_handle *owner, struct zl_socket *socket,
                          const struct zl_pattern_build *build)
{
    struct zl_handle *holders[] = {build->sender, build->receiver};
    int results = 0;
    for (int i = 0; i < 2; i++) {
        if (!holders[i])
            continue;
        holders[i]->socket = socket;
        zl_socket_ref(socket);
        results++;
    }
    zl_lua_drop_socket(owner);
    owner->socket = socket; /* takes over the reference of open */
    log_ready(L, socket);
    return results;
}

void zl_lua_pattern_methods(lua_State *L, lua_CFunction make)
{
    for (int id = ZL_PUSH; id <= ZL_PAIR; id++) {
        lua_pushinteger(L, id);
        lua_pushcclosure(L, make, 1);
        lua_setfield(L, -2, zl_pattern_get((enum zl_pattern_id)id)->name);
    }
}
