/* SPDX-License-Identifier: MIT */
/* Server: an address to bind, then one pattern on it. Nothing is bound before the pattern is
 * created. */
#include <stdio.h>
#include <string.h>

#include "bindings/pattern.h"
#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/reload/adoption.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/bind.h"

struct server {
    struct zl_handle handle;
    bool closed;
    struct zl_endpoint endpoint; /* as requested; once bound, the actual one */
};

static struct server *check_server(lua_State *L)
{
    return (struct server *)zl_lua_check_handle(L, 1, zl_server_class);
}

/* Pushes field `name` of the table at index 1, or nil; returns its index. */
static int field(lua_State *L, const char *name)
{
    if (lua_istable(L, 1))
        lua_getfield(L, 1, name);
    else
        lua_pushnil(L);
    return lua_gettop(L);
}

static void read_address(lua_State *L, struct zl_endpoint *out)
{
    char why[ZL_WHY_MAX];
    size_t size;
    int port_index = lua_isnumber(L, 1) || lua_isstring(L, 1) ? 1 : field(L, "port");
    int port = lua_isnil(L, port_index) ? 0 : zl_lua_check_port(L, port_index);
    int host_index = field(L, "host");
    int endpoint_index = field(L, "endpoint");
    bool has_host = !lua_isnil(L, host_index);
    if (!lua_isnil(L, endpoint_index)) {
        if (port || has_host)
            luaL_error(L, "give endpoint, or host and port, not both");
        if (lua_type(L, endpoint_index) != LUA_TSTRING)
            luaL_error(L, "endpoint must be a string, not a %s", luaL_typename(L, endpoint_index));
        const char *text = lua_tolstring(L, endpoint_index, &size);
        if (!zl_endpoint_parse(out, text, size, ZL_BIND, why))
            luaL_error(L, "%s", why);
        return;
    }
    if (has_host && lua_type(L, host_index) != LUA_TSTRING)
        luaL_error(L, "host must be a string, not a %s", luaL_typename(L, host_index));
    size = 1;
    const char *host = has_host ? lua_tolstring(L, host_index, &size) : "*";
    if (!zl_endpoint_tcp(out, host, size, port, ZL_BIND, why))
        luaL_error(L, "%s", why);
}

/* Server(12345) | Server{port = 12345, ...} | Server() */
static int server_new(lua_State *L)
{
    struct zl_endpoint endpoint;
    struct zl_options ignored = zl_options_default(NULL);
    if (lua_isuserdata(L, 1) || lua_isboolean(L, 1) || lua_isfunction(L, 1))
        zl_lua_check_port(L, 1);
    lua_settop(L, 1);
    if (lua_istable(L, 1))
        zl_options_read(L, 1, ZL_AT_SERVER, NULL, &ignored);
    read_address(L, &endpoint);
    struct server *server = (struct server *)zl_lua_new_handle(L, zl_server_class, sizeof *server);
    server->endpoint = endpoint;
    zl_lua_keep_options(L, 1);
    return 1;
}

/* Reads the endpoint that the socket is bound to now. */
static void read_bound(const struct zl_socket *socket, struct zl_endpoint *endpoint)
{
    const struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound && entry->wanted)
            memcpy(endpoint->text, entry->text, sizeof endpoint->text);
    }
    zl_endpoint_set_port(endpoint);
}

/* A socket at the endpoint: the previous generation's or a new one; raises. */
static struct zl_socket *get_socket(lua_State *L, const struct zl_pattern_build *build,
                                    struct zl_endpoint *endpoint)
{
    char why[ZL_WHY_MAX], again[ZL_ENDPOINT_MAX];
    struct zl_socket *socket = zl_lua_take_over(L, build, endpoint, 1, ZL_BIND, again);
    if (socket && zl_endpoints_are_bound(socket)) {
        read_bound(socket, endpoint);
        return socket;
    }
    if (!socket)
        socket = zl_lua_open_socket(L, build);
    char requested[ZL_ENDPOINT_MAX];
    memcpy(requested, endpoint->text, sizeof requested);
    if (*again)
        zl_endpoint_parse(endpoint, again, strlen(again), ZL_BIND, why);
    bool later = (*again && zl_lua_generation(L)->group.life == ZL_LOADING) ||
                 zl_adoption_claim(&zl_lua_loop(L)->reload.finder, socket, endpoint);
    zl_lua_log_address(L, "Binding", endpoint);
    if (later ? zl_bind_later(socket, endpoint, requested, why)
              : zl_bind_endpoint(socket, endpoint, requested, why))
        return socket;
    zl_sockets_unref(socket);
    zl_lua_unavailable(L, why);
    return NULL;
}

static int server_pattern(lua_State *L)
{
    struct server *server = check_server(L);
    struct zl_pattern_build build;
    if (server->closed)
        return luaL_error(L, "the server is closed");
    zl_lua_begin_pattern(L, ZL_AT_SERVER, "server", &build);
    struct zl_endpoint endpoint = server->endpoint;
    struct zl_socket *socket = get_socket(L, &build, &endpoint);
    server->endpoint = endpoint;
    return zl_lua_finish_pattern(L, &server->handle, socket, &build);
}

static int server_close(lua_State *L)
{
    struct server *server = check_server(L);
    server->closed = true;
    if (server->handle.socket)
        zl_lua_close_socket(L, server->handle.socket);
    return 0;
}

static int server_property(lua_State *L)
{
    struct server *server = lua_touserdata(L, 1);
    const char *name = lua_tostring(L, 2);
    bool bound = server->handle.socket != NULL;
    lua_pushnil(L);
    if (name && strcmp(name, "port") == 0 && server->endpoint.port > 0)
        lua_pushinteger(L, server->endpoint.port);
    else if (name && strcmp(name, "endpoint") == 0 && bound)
        lua_pushstring(L, server->endpoint.text);
    return 1;
}

static int server__tostring(lua_State *L)
{
    struct server *server = check_server(L);
    lua_pushfstring(L, "server %s (%s)", server->endpoint.text,
                    server->closed          ? "closed"
                    : server->handle.socket ? server->handle.socket->pattern->name
                                            : "no pattern yet");
    return 1;
}

void zl_open_server(lua_State *L)
{
    static const luaL_Reg methods[] = {{"close", server_close}, {NULL, NULL}};
    static const luaL_Reg meta[] = {
        {"__gc", zl_handle__gc}, {"__tostring", server__tostring}, {NULL, NULL}};
    zl_lua_class(L, zl_server_class, methods, meta, server_property);
    lua_getfield(L, -1, "methods");
    zl_lua_pattern_methods(L, server_pattern);
    lua_pop(L, 2);
    lua_pushcfunction(L, server_new);
    lua_setfield(L, -2, "Server");
}
