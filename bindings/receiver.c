/* SPDX-License-Identifier: MIT */
/* The receiver's userdata. What is called for every message is Lua over the FFI
 * (lua/zeroless/receiver.lua); here is the object and what is called seldom. */
#include "bindings/luasup.h"

static int receiver_close(lua_State *L)
{
    zl_socket_close(zl_lua_check_handle(L, 1, zl_receiver_class)->socket);
    return 0;
}

/* core.retry(receiver): a wait has timed out; false when it was for a reply, whose time is over,
 * and no further try of the request is left */
static int core_retry(lua_State *L)
{
    struct zl_handle *receiver = zl_lua_check_handle(L, 1, zl_receiver_class);
    lua_pushboolean(L, !receiver->socket->zmq || zl_exchange_retry(receiver->socket));
    return 1;
}

/* core.let_go(receiver): the script did not wait longer for a reply and may ask anew */
static int core_let_go(lua_State *L)
{
    zl_lua_check_handle(L, 1, zl_receiver_class)->socket->exchange.let_go = true;
    return 0;
}

void zl_open_receiver(lua_State *L)
{
    static const luaL_Reg methods[] = {{"close", receiver_close}, {NULL, NULL}};
    static const luaL_Reg meta[] = {
        {"__gc", zl_handle__gc}, {"__tostring", zl_handle__tostring}, {NULL, NULL}};
    zl_lua_class(L, zl_receiver_class, methods, meta, NULL);
    lua_setfield(L, -2, "receiver");
    lua_pushcfunction(L, core_retry);
    lua_setfield(L, -2, "retry");
    lua_pushcfunction(L, core_let_go);
    lua_setfield(L, -2, "let_go");
}
