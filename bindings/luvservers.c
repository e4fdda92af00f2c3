/* SPDX-License-Identifier: MIT */
/* Servers of luv survive a reload: bind of TCP, UDP and pipe handles shares the socket that a
 * parked generation has at the same address (luv_servers.h). Otherwise luv's own bind is called. */
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "bindings/luasup.h"
#include "runtime/script/generation.h"
#include "runtime/script/luv_servers.h"

/* Makes the handle use the socket `fd`: replaces its descriptor, or opens it if it has none yet.
 * Takes ownership of `fd`. Returns 0 or a libuv error. */
static int adopt(uv_handle_t *handle, int fd)
{
    uv_os_fd_t own;
    if (uv_fileno(handle, &own) == 0) {
        int outcome = dup3(fd, own, O_CLOEXEC) < 0 ? UV_EBADF : 0;
        close(fd);
        return outcome;
    }
    int outcome = handle->type == UV_TCP          ? uv_tcp_open((uv_tcp_t *)handle, fd)
                  : handle->type == UV_NAMED_PIPE ? uv_pipe_open((uv_pipe_t *)handle, fd)
                                                  : uv_udp_open((uv_udp_t *)handle, fd);
    if (outcome != 0)
        close(fd);
    return outcome;
}

/* Reads the address that luv would bind, from the arguments of its bind. */
static bool read_address(lua_State *L, uv_handle_type type, struct sockaddr_storage *address)
{
    memset(address, 0, sizeof *address);
    if (lua_type(L, 2) != LUA_TSTRING)
        return false;
    const char *host = lua_tostring(L, 2);
    if (type == UV_NAMED_PIPE) {
        struct sockaddr_un *path = (void *)address;
        path->sun_family = AF_UNIX;
        strncpy(path->sun_path, host, sizeof path->sun_path - 1);
        return strlen(host) < sizeof path->sun_path;
    }
    if (!lua_isnumber(L, 3))
        return false;
    int port = (int)lua_tointeger(L, 3);
    return uv_ip4_addr(host, port, (struct sockaddr_in *)(void *)address) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)(void *)address) == 0;
}

/* Upvalues: luv's bind, the metatable of its handles, their type. */
static int bind_shared(lua_State *L)
{
    struct zl_luv_loop *luv_loop = zl_lua_generation(L)->luv_loop;
    uv_handle_type type = (uv_handle_type)lua_tointeger(L, lua_upvalueindex(3));
    struct sockaddr_storage address;
    bool is_ours = lua_getmetatable(L, 1) && lua_rawequal(L, -1, lua_upvalueindex(2));
    lua_settop(L, is_ours ? lua_gettop(L) - 1 : lua_gettop(L));
    uv_handle_t *handle = is_ours ? *(uv_handle_t **)lua_touserdata(L, 1) : NULL;
    if (handle && !uv_is_closing(handle) && read_address(L, type, &address)) {
        int fd = zl_luv_servers_share(luv_loop, type, (struct sockaddr *)&address);
        if (fd >= 0 && adopt(handle, fd) == 0) {
            lua_pushinteger(L, 0);
            return 1;
        }
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

void zl_luv_share_servers(lua_State *L)
{
    static const struct {
        const char *function, *metatable;
        uv_handle_type type;
    } binds[] = {{"tcp_bind", "uv_tcp", UV_TCP},
                 {"udp_bind", "uv_udp", UV_UDP},
                 {"pipe_bind", "uv_pipe", UV_NAMED_PIPE}};
    for (size_t i = 0; i < sizeof binds / sizeof *binds; i++) {
        luaL_getmetatable(L, binds[i].metatable);
        lua_getfield(L, -2, binds[i].function);
        lua_pushvalue(L, -2);
        lua_pushinteger(L, (lua_Integer)binds[i].type);
        lua_pushcclosure(L, bind_shared, 3);
        lua_getfield(L, -2, "__index");
        lua_pushvalue(L, -2);
        lua_setfield(L, -2, "bind");
        lua_pop(L, 1);
        lua_setfield(L, -3, binds[i].function);
        lua_pop(L, 1);
    }
}
