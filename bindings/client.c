/* SPDX-License-Identifier: MIT */
/* Client: a list of addresses to connect to, then one pattern on all of them. Addresses can be
 * added and removed before and after the pattern is created; one is added only after its connect
 * has succeeded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings/pattern.h"
#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/socket/connect.h"

struct client {
    struct zl_handle handle;
    bool closed;
    struct zl_endpoint *addresses;
    int count;
};

static struct client *check_client(lua_State *L)
{
    struct client *client = (struct client *)zl_lua_check_handle(L, 1, zl_client_class);
    if (client->closed)
        luaL_error(L, "the client is closed");
    return client;
}

/* The pattern's socket; NULL unless it is open. */
static struct zl_socket *live_socket(const struct client *client)
{
    struct zl_socket *socket = client->handle.socket;
    return socket && socket->zmq ? socket : NULL;
}

/* --- addresses as a script writes them ------------------------------------------------------- */

static void read_host_and_port(lua_State *L, int host, int port, struct zl_endpoint *out)
{
    char why[ZL_WHY_MAX];
    size_t size;
    int number = zl_lua_check_port(L, port);
    if (lua_type(L, host) != LUA_TSTRING)
        luaL_error(L, "a host must be a string, not a %s: client:connect(\"10.0.0.1\", 1567)",
                   luaL_typename(L, host));
    const char *text = lua_tolstring(L, host, &size);
    if (!zl_endpoint_tcp(out, text, size, number, ZL_CONNECT, why))
        luaL_error(L, "%s", why);
}

/* ("10.0.0.1", 1567) | ("ipc:///run/w.sock") | {host = ..., port = ...} | {endpoint = ...} */
static void read_address(lua_State *L, struct zl_endpoint *out)
{
    char why[ZL_WHY_MAX];
    size_t size;
    lua_settop(L, 3);
    if (lua_istable(L, 2)) {
        lua_getfield(L, 2, "port");
        lua_replace(L, 3);
        lua_getfield(L, 2, "endpoint");
        bool whole = !lua_isnil(L, -1);
        if (!whole)
            lua_getfield(L, 2, "host");
        lua_replace(L, 2);
        lua_settop(L, 3);
        if (whole && !lua_isnil(L, 3))
            luaL_error(L, "give endpoint, or host and port, not both");
    }
    if (lua_isnil(L, 3) && lua_type(L, 2) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, 2, &size);
        if (!strstr(text, "://") && !strchr(text, ':'))
            luaL_error(L, "a port is missing: client:connect(\"%s\", 1567)", text);
        if (!zl_endpoint_parse(out, text, size, ZL_CONNECT, why))
            luaL_error(L, "%s", why);
        return;
    }
    read_host_and_port(L, 2, 3, out);
}

/* (12345) | {port = 12345} */
static void read_local_address(lua_State *L, struct zl_endpoint *out)
{
    lua_settop(L, 2);
    if (lua_istable(L, 2)) {
        lua_getfield(L, 2, "port");
        lua_replace(L, 2);
    }
    lua_pushliteral(L, "127.0.0.1");
    read_host_and_port(L, 3, 2, out);
}

/* Pushes "HOST on port PORT" or the endpoint, and returns it. */
static const char *push_description(lua_State *L, const struct zl_endpoint *endpoint)
{
    if (endpoint->transport == ZL_TCP)
        return lua_pushfstring(L, "%s on port %d", endpoint->host, endpoint->port);
    return lua_pushfstring(L, "%s", endpoint->text);
}

static int find(const struct client *client, const struct zl_endpoint *endpoint)
{
    for (int i = 0; i < client->count; i++)
        if (strcmp(client->addresses[i].text, endpoint->text) == 0)
            return i;
    return -1;
}

/* --- connect and disconnect ------------------------------------------------------------------ */

static int connect_to(lua_State *L, struct client *client, const struct zl_endpoint *endpoint)
{
    char why[ZL_WHY_MAX];
    zl_lua_live(L);
    struct zl_socket *socket = live_socket(client);
    if (find(client, endpoint) >= 0)
        return luaL_error(L, "Already connected to %s", push_description(L, endpoint));
    if (client->handle.socket && !socket)
        return luaL_error(L, "the client's %s is closed", client->handle.socket->pattern->name);
    if (socket && socket->pattern->one_peer && client->count > 0)
        return luaL_error(L, "A client cannot connect more than once in the PAIR pattern");
    struct zl_endpoint *grown =
        realloc(client->addresses, (size_t)(client->count + 1) * sizeof *grown);
    if (!grown)
        return luaL_error(L, "not enough memory");
    client->addresses = grown;
    if (socket && !zl_connect_endpoint(socket, endpoint, why))
        return zl_lua_unavailable(L, why);
    client->addresses[client->count++] = *endpoint;
    if (socket)
        zl_lua_log_address(L, "Connecting to", endpoint);
    lua_settop(L, 1);
    return 1;
}

static int disconnect_from(lua_State *L, struct client *client, const struct zl_endpoint *endpoint)
{
    char why[ZL_WHY_MAX];
    zl_lua_live(L);
    int i = find(client, endpoint);
    if (i < 0)
        return luaL_error(L, "There was no connection to %s", push_description(L, endpoint));
    struct zl_socket *socket = live_socket(client);
    if (socket && !zl_connect_end(socket, endpoint, why))
        return luaL_error(L, "%s", why);
    client->count--;
    memmove(&client->addresses[i], &client->addresses[i + 1],
            (size_t)(client->count - i) * sizeof *client->addresses);
    if (socket)
        zl_lua_log_address(L, "Disconnecting from", endpoint);
    lua_settop(L, 1);
    return 1;
}

static int client_connect(lua_State *L)
{
    struct client *client = check_client(L);
    struct zl_endpoint endpoint;
    read_address(L, &endpoint);
    return connect_to(L, client, &endpoint);
}

static int client_connect_local(lua_State *L)
{
    struct client *client = check_client(L);
    struct zl_endpoint endpoint;
    read_local_address(L, &endpoint);
    return connect_to(L, client, &endpoint);
}

static int client_disconnect(lua_State *L)
{
    struct client *client = check_client(L);
    struct zl_endpoint endpoint;
    read_address(L, &endpoint);
    return disconnect_from(L, client, &endpoint);
}

static int client_disconnect_local(lua_State *L)
{
    struct client *client = check_client(L);
    struct zl_endpoint endpoint;
    read_local_address(L, &endpoint);
    return disconnect_from(L, client, &endpoint);
}

static int client_disconnect_all(lua_State *L)
{
    struct client *client = check_client(L);
    while (client->count > 0) {
        struct zl_endpoint last = client->addresses[client->count - 1];
        disconnect_from(L, client, &last);
    }
    return 1;
}

/* --- the object ------------------------------------------------------------------------------ */

/* Client() | Client{hwm = ...} */
static int client_new(lua_State *L)
{
    struct zl_options ignored = zl_options_default(NULL);
    lua_settop(L, 1);
    zl_options_read(L, 1, ZL_AT_CLIENT, NULL, &ignored);
    zl_lua_new_handle(L, zl_client_class, sizeof(struct client));
    zl_lua_keep_options(L, 1);
    return 1;
}

static int client_pattern(lua_State *L)
{
    struct client *client = check_client(L);
    struct zl_pattern_build build;
    char why[ZL_WHY_MAX], again[ZL_ENDPOINT_MAX];
    zl_lua_begin_pattern(L, ZL_AT_CLIENT, "client", &build);
    if (build.pattern->one_peer && client->count > 1)
        return luaL_error(L, "A client cannot connect more than once in the PAIR pattern");
    struct zl_socket *socket =
        zl_lua_take_over(L, &build, client->addresses, client->count, ZL_CONNECT, again);
    bool is_new = !socket;
    if (is_new)
        socket = zl_lua_open_socket(L, &build);
    socket->is_bare = client->count == 0;
    for (int i = 0; i < client->count; i++) {
        if (is_new)
            zl_lua_log_address(L, "Connecting to", &client->addresses[i]);
        if (!zl_connect_endpoint(socket, &client->addresses[i], why)) {
            zl_sockets_unref(socket);
            return zl_lua_unavailable(L, why);
        }
    }
    return zl_lua_finish_pattern(L, &client->handle, socket, &build);
}

static int client_close(lua_State *L)
{
    struct client *client = (struct client *)zl_lua_check_handle(L, 1, zl_client_class);
    client->closed = true;
    if (client->handle.socket)
        zl_lua_close_socket(L, client->handle.socket);
    return 0;
}

static int push_addresses(lua_State *L, const struct client *client)
{
    lua_createtable(L, client->count, 0);
    for (int i = 0; i < client->count; i++) {
        const struct zl_endpoint *endpoint = &client->addresses[i];
        lua_newtable(L);
        lua_pushstring(L, endpoint->transport == ZL_TCP ? endpoint->host : endpoint->text);
        lua_setfield(L, -2, endpoint->transport == ZL_TCP ? "host" : "endpoint");
        if (endpoint->transport == ZL_TCP) {
            lua_pushinteger(L, endpoint->port);
            lua_setfield(L, -2, "port");
        }
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int client_property(lua_State *L)
{
    const char *name = lua_tostring(L, 2);
    if (name && strcmp(name, "addresses") == 0)
        return push_addresses(L, lua_touserdata(L, 1));
    lua_pushnil(L);
    return 1;
}

static int client__tostring(lua_State *L)
{
    struct client *client = (struct client *)zl_lua_check_handle(L, 1, zl_client_class);
    lua_pushfstring(L, "client of %d address%s (%s)", client->count, client->count == 1 ? "" : "es",
                    client->closed          ? "closed"
                    : client->handle.socket ? client->handle.socket->pattern->name
                                            : "no pattern yet");
    return 1;
}

static int client__gc(lua_State *L)
{
    struct client *client = lua_touserdata(L, 1);
    free(client->addresses);
    client->addresses = NULL;
    client->count = 0;
    return zl_handle__gc(L);
}

void zl_open_client(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"connect", client_connect},
        {"connect_local", client_connect_local},
        {"disconnect", client_disconnect},
        {"disconnect_local", client_disconnect_local},
        {"disconnect_all", client_disconnect_all},
        {"close", client_close},
        {NULL, NULL},
    };
    static const luaL_Reg meta[] = {
        {"__gc", client__gc}, {"__tostring", client__tostring}, {NULL, NULL}};
    zl_lua_class(L, zl_client_class, methods, meta, client_property);
    lua_getfield(L, -1, "methods");
    zl_lua_pattern_methods(L, client_pattern);
    lua_pop(L, 2);
    lua_pushcfunction(L, client_new);
    lua_setfield(L, -2, "Client");
}
