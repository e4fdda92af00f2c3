/* SPDX-License-Identifier: MIT */
/* The sender's userdata: the object and rarely called functions. Functions called for every message
 * are Lua code on the FFI (lua/zeroless/sender.lua). */
#include <string.h>

#include "bindings/luasup.h"

#include "runtime/base/reason.h"
#include "runtime/socket/admission.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/waitq.h"

/* The property `subscribers`: subscriptions held by peers now. */
static int sender_property(lua_State *L)
{
    struct zl_handle *sender = lua_touserdata(L, 1);
    const char *name = lua_tostring(L, 2);
    struct zl_socket *socket = sender->socket;
    lua_pushnil(L);
    if (!name || strcmp(name, "subscribers") != 0 || socket->pattern->id != ZL_PUB)
        return 1;
    if (socket->zmq) {
        zl_waitq_mark_dirty(socket);
        zl_admission_read_subscriptions(socket);
    }
    lua_pushinteger(L, socket->zmq ? zl_subscribers_count(&socket->subscribers) : 0);
    return 1;
}

static int sender_close(lua_State *L)
{
    zl_lua_close_socket(L, zl_lua_check_handle(L, 1, zl_sender_class)->socket);
    return 0;
}

/* core.describe(object): pattern, endpoints, topic, max_message_size, send timeout (nil if there is
 * none) */
static int core_describe(lua_State *L)
{
    const struct zl_handle *handle = lua_touserdata(L, 1);
    const struct zl_options *options = &handle->socket->options;
    char endpoints[ZL_WHY_MAX];
    zl_endpoints_describe(handle->socket, endpoints, sizeof endpoints);
    lua_pushstring(L, handle->socket->pattern->name);
    lua_pushstring(L, endpoints);
    lua_pushlstring(L, options->topic.data, options->topic.size);
    lua_pushnumber(L, (lua_Number)options->max_message_size);
    if (options->timeout >= 0)
        lua_pushnumber(L, options->timeout);
    else
        lua_pushnil(L);
    return 5;
}

/* core.timed_out(sender): a send has timed out without room or without a peer */
static int core_timed_out(lua_State *L)
{
    zl_lua_check_handle(L, 1, zl_sender_class)->socket->request.found_no_peer = true;
    return 0;
}

void zl_open_sender(lua_State *L)
{
    static const luaL_Reg methods[] = {{"close", sender_close}, {NULL, NULL}};
    static const luaL_Reg meta[] = {
        {"__gc", zl_handle__gc}, {"__tostring", zl_handle__tostring}, {NULL, NULL}};
    zl_lua_class(L, zl_sender_class, methods, meta, sender_property);
    lua_setfield(L, -2, "sender");
    lua_pushcfunction(L, core_describe);
    lua_setfield(L, -2, "describe");
    lua_pushcfunction(L, core_timed_out);
    lua_setfield(L, -2, "timed_out");
}
