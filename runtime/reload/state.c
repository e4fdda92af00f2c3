/* SPDX-License-Identifier: MIT */
/* See state.h. The table is checked and encoded by lua/zeroless/state.lua. */
#include "runtime/reload/state.h"

#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/script/generation.h"

struct state {
    char *bytes;
    size_t size;
};

/* package.loaded[name], pushed. */
static void push_loaded(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

static int take_state(lua_State *L)
{
    struct state *state = lua_touserdata(L, 1);
    push_loaded(L, "zeroless");
    if (!lua_istable(L, -1))
        return 0;
    push_loaded(L, "zeroless.state");
    lua_getfield(L, -1, "pack");
    lua_getfield(L, -3, "state");
    lua_call(L, 1, 3); /* the first holds the bytes */
    const char *bytes = (const char *)(uintptr_t)lua_tonumber(L, -2);
    state->size = (size_t)lua_tonumber(L, -1);
    state->bytes = malloc(state->size + 1);
    if (!state->bytes)
        return luaL_error(L, "not enough memory for zeroless.state");
    memcpy(state->bytes, bytes, state->size);
    return 0;
}

bool zl_state_take(struct zl_generation *generation, char **bytes, size_t *size, char *why)
{
    struct state state = {NULL, 0};
    if (zl_vm_call(generation->group.L, take_state, &state) != 0) {
        zl_vm_take_error(generation->group.L, why);
        return false;
    }
    free(*bytes);
    *bytes = state.bytes;
    *size = state.size;
    return true;
}

static int give_state(lua_State *L)
{
    const struct state *state = lua_touserdata(L, 1);
    zl_vm_require(L, "zeroless");
    push_loaded(L, "zeroless");
    push_loaded(L, "zeroless.state");
    lua_getfield(L, -1, "unpack");
    lua_pushnumber(L, (lua_Number)(uintptr_t)state->bytes);
    lua_pushnumber(L, (lua_Number)state->size);
    lua_call(L, 2, 1);
    lua_setfield(L, -3, "state");
    return 0;
}

bool zl_state_give(struct zl_generation *generation, const char *bytes, size_t size, char *why)
{
    struct state state = {(char *)bytes, size};
    if (!bytes || zl_vm_call(generation->group.L, give_state, &state) == 0)
        return true;
    zl_vm_take_error(generation->group.L, why);
    return false;
}
