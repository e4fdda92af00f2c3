/* SPDX-License-Identifier: MIT */
/* See ahead.h. A compiled function belongs to the text held by its source: when the text is dropped
 * (after loading, or on re-reading), so is `source->ahead`, the number of the function. */
#include "runtime/script/ahead.h"

#include <lauxlib.h>
#include <string.h>

#include "runtime/base/clock.h"

static char functions_key; /* registry key of the table of functions, by number */

struct compiling {
    struct zl_generation *generation;
    const struct zl_sources *before;
    uint64_t until;
    bool is_over;
};

static void push_functions(lua_State *L)
{
    lua_pushlightuserdata(L, &functions_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

void zl_ahead_begin(struct zl_generation *generation)
{
    lua_State *L = generation->group.L;
    generation->ahead.next = generation->sources.first;
    lua_pushlightuserdata(L, &functions_key);
    lua_newtable(L);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

/* Functions compiled ahead must not use up the memory that the start needs. */
static bool has_room(const struct zl_generation *generation)
{
    return generation->memory.cap == 0 || generation->memory.used < generation->memory.cap / 4;
}

/* A changed file that is empty is an error: an editor or a copy in progress empties a file for a
 * moment. An unchanged file may be empty, and its compile errors are left to require. */
static void compile_source(lua_State *L, struct zl_source *source, bool has_changed)
{
    if (has_changed && zl_source_is_blank(source))
        luaL_error(L, "%s is empty", source->path);
    const char *chunk = lua_pushfstring(L, "@%s", source->path);
    int outcome = luaL_loadbuffer(L, source->text, source->size, chunk);
    if (outcome != 0 && has_changed)
        lua_error(L);
    if (outcome == 0 && source->is_required) {
        push_functions(L);
        lua_insert(L, -2);
        int number = (int)lua_objlen(L, -2) + 1;
        lua_rawseti(L, -2, number);
        source->ahead = number;
    }
    lua_pop(L, 2);
}

static void compile_next(lua_State *L, struct compiling *compiling)
{
    struct zl_generation *generation = compiling->generation;
    struct zl_source *source = generation->ahead.next;
    generation->ahead.next = source->next;
    bool has_changed = source->is_new && zl_source_is_new(source, compiling->before);
    bool is_likely = source->is_new && source->is_required && has_room(generation);
    if (has_changed || is_likely)
        compile_source(L, source, has_changed);
}

static int run(lua_State *L)
{
    struct compiling *compiling = lua_touserdata(L, 1);
    const struct zl_ahead *ahead = &compiling->generation->ahead;
    do {
        if (ahead->next)
            compile_next(L, compiling);
        else
            compiling->is_over = !ahead->is_long || lua_gc(L, LUA_GCSTEP, 0) != 0;
    } while (!compiling->is_over && zl_clock_now() < compiling->until);
    return 0;
}

enum zl_ahead_outcome zl_ahead_run(struct zl_generation *generation,
                                   const struct zl_sources *before, uint64_t until, char *why)
{
    struct compiling compiling = {generation, before, until, false};
    if (zl_vm_call(generation->group.L, run, &compiling) != 0) {
        zl_vm_take_error(generation->group.L, why);
        return ZL_AHEAD_FAILED;
    }
    generation->ahead.is_long = true;
    return compiling.is_over ? ZL_AHEAD_DONE : ZL_AHEAD_GOES_ON;
}

bool zl_ahead_push(lua_State *L, const struct zl_source *source)
{
    if (source->ahead == 0)
        return false;
    push_functions(L);
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    lua_rawgeti(L, -1, source->ahead);
    lua_remove(L, -2);
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    lua_setfenv(L, -2);
    return true;
}

/* The key is set to nil only where it exists, so nothing is allocated. */
void zl_ahead_drop(lua_State *L)
{
    push_functions(L);
    bool is_there = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (!is_there)
        return;
    lua_pushlightuserdata(L, &functions_key);
    lua_pushnil(L);
    lua_rawset(L, LUA_REGISTRYINDEX);
}
