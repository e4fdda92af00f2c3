/* SPDX-License-Identifier: MIT */
/* The receiver's userdata: the object and rarely called functions. Functions called for every
 * message are Lua code on the FFI (lua/zeroless/receiver.lua). */
#include "bindings/luasup.h"

#include "runtime/socket/ffi.h"
#include "runtime/socket/reqrep.h"

static int receiver_close(lua_State *L)
{
    zl_lua_close_socket(L, zl_lua_check_handle(L, 1, zl_receiver_class)->socket);
    return 0;
}

/* core.retry(receiver): called when a wait has timed out; false if it was for a reply whose time is
 * over and whose request has no retries left */
static int core_retry(lua_State *L)
{
    struct zl_handle *receiver = zl_lua_check_handle(L, 1, zl_receiver_class);
    lua_pushboolean(L, !receiver->socket->zmq || zl_reqrep_retry(receiver->socket));
    return 1;
}

/* core.abandon(receiver): the script gives up waiting for a reply and may send a new request */
static int core_abandon(lua_State *L)
{
    zl_lua_check_handle(L, 1, zl_receiver_class)->socket->request.abandoned = true;
    return 0;
}

static char recvbuf_key;

static int recvbuf__gc(lua_State *L)
{
    zl_recvbuf_fini(lua_touserdata(L, 1));
    return 0;
}

static struct zl_recvbuf *new_recvbuf(lua_State *L)
{
    struct zl_recvbuf *recvbuf = lua_newuserdata(L, sizeof *recvbuf);
    *recvbuf = (struct zl_recvbuf){.room = 0};
    lua_pushlightuserdata(L, &recvbuf_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_setmetatable(L, -2);
    return recvbuf;
}

/* core.receive_nested(receiver): receives into a buffer of its own while the loop's receive buffer
 * still holds another message; returns a code as zl_ffi_receive does, and the frames */
static int core_receive_nested(lua_State *L)
{
    struct zl_hub *hub = &zl_lua_loop(L)->hub;
    struct zl_handle *receiver = zl_lua_check_handle(L, 1, zl_receiver_class);
    struct zl_recvbuf *own = new_recvbuf(L), before = hub->recvbuf;
    struct zl_shared shared = hub->shared;
    hub->recvbuf = *own;
    hub->shared.received = NULL;
    int32_t code = zl_ffi_receive(receiver);
    const struct zl_frame *frames = hub->shared.received;
    *own = hub->recvbuf;
    hub->recvbuf = before;
    hub->shared = shared;
    lua_pushinteger(L, code);
    luaL_checkstack(L, code > 0 ? code : 0, "too many frames");
    for (int32_t i = 0; frames && i < code; i++)
        lua_pushlstring(L, frames[i].data, frames[i].size);
    return code > 0 ? code + 1 : 1;
}

/* Registers the metatable used by new_recvbuf. */
static void open_recvbuf(lua_State *L)
{
    lua_pushlightuserdata(L, &recvbuf_key);
    lua_newtable(L);
    lua_pushcfunction(L, recvbuf__gc);
    lua_setfield(L, -2, "__gc");
    lua_rawset(L, LUA_REGISTRYINDEX);
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
    lua_pushcfunction(L, core_abandon);
    lua_setfield(L, -2, "abandon");
    open_recvbuf(L);
    lua_pushcfunction(L, core_receive_nested);
    lua_setfield(L, -2, "receive_nested");
}
