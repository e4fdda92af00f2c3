/* SPDX-License-Identifier: MIT */
/* See vm.h. The environment variable ZLRUN_LUA names a folder whose modules replace the embedded
 * ones. */
#include "runtime/script/vm.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/embedded.h"
#include "runtime/base/reason.h"
#include "runtime/sched/runaway.h"

#if defined(__SANITIZE_ADDRESS__)
enum { UNDER_SANITIZER = 1 };
#else
enum { UNDER_SANITIZER = 0 };
#endif

/* --- memory ---------------------------------------------------------------------------------- */

/* The allocator of small blocks under a sanitizer, which must see each one. */
static void *from_malloc(void *arg, void *block, size_t old_size, size_t new_size)
{
    (void)arg;
    (void)old_size;
    if (new_size > 0)
        return realloc(block, new_size);
    free(block);
    return NULL;
}

/* LuaJIT's own allocator belongs to the state it was created for; closing that state frees the
 * blocks of all others. So it is taken from a state that does nothing else and lives as long as the
 * thread. */
static bool find_small(struct zl_memory *memory)
{
    static _Thread_local lua_State *keeper;
    memory->small = from_malloc;
    if (UNDER_SANITIZER)
        return true;
    if (!keeper)
        keeper = luaL_newstate();
    if (keeper)
        memory->small = lua_getallocf(keeper, &memory->small_arg);
    return keeper != NULL;
}

static bool is_counted(const struct zl_memory *memory)
{
    return memory->cap > 0 || memory->failing > 0;
}

static lua_Alloc allocator_for(const struct zl_memory *memory)
{
    return is_counted(memory) ? zl_heap_allocate_counted : zl_heap_allocate;
}

static void find_text_offset(lua_State *L, struct zl_memory *memory)
{
    lua_setallocf(L, zl_heap_watch, memory);
    lua_pushliteral(L, "a string not created before in this state");
    zl_heap_set_text_offset((size_t)(lua_tostring(L, -1) - (const char *)memory->first));
    lua_pop(L, 1);
    lua_setallocf(L, allocator_for(memory), memory);
}

/* --- embedded modules ------------------------------------------------------------------------ */

static int load_from_folder(lua_State *L, const char *folder,
                            const struct zl_embedded_module *module)
{
    const char *path = lua_pushfstring(L, "%s/%s", folder, module->file);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    fclose(file);
    if (luaL_loadfile(L, path) != 0)
        return lua_error(L);
    return 1;
}

static int search_embedded(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const struct zl_embedded_module *module = zl_embedded_find(name);
    if (!module) {
        lua_pushfstring(L, "\n\tno module '%s' embedded in zlrun", name);
        return 1;
    }
    const char *folder = secure_getenv("ZLRUN_LUA");
    if (folder && *folder && load_from_folder(L, folder, module))
        return 1;
    char chunk[128];
    snprintf(chunk, sizeof chunk, "@zlrun:%s", module->file);
    if (luaL_loadbuffer(L, (const char *)module->bytes, module->size, chunk) != 0)
        return lua_error(L);
    return 1;
}

/* The searcher comes after package.preload and before files, so that no zeroless.lua on the path
 * can replace the embedded module. */
static void add_searcher(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "loaders");
    int count = (int)lua_objlen(L, -1);
    for (int i = count; i >= 2; i--) {
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushcfunction(L, search_embedded);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 2);
}

static int open_state(lua_State *L)
{
    lua_gc(L, LUA_GCSTOP, 0);
    luaL_openlibs(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "ffi");
    lua_call(L, 1, 0);
    add_searcher(L);
    find_text_offset(L, lua_touserdata(L, 1));
    /* The first luaL_unref allocates; later ones may be called where nothing may raise. */
    lua_pushboolean(L, 1);
    luaL_unref(L, LUA_REGISTRYINDEX, luaL_ref(L, LUA_REGISTRYINDEX));
    lua_gc(L, LUA_GCRESTART, 0);
    return 0;
}

/* LuaJIT 2.1 of 2022-03-20 crashes if an allocation fails while it creates the state or opens the
 * FFI: both happen before a script can have used up the memory. */
lua_State *zl_vm_new(struct zl_memory *memory)
{
    memory->calls = memory->failing; /* past `failing`: no call fails yet */
    lua_State *L = find_small(memory) ? lua_newstate(allocator_for(memory), memory) : NULL;
    if (L && lua_cpcall(L, open_state, memory) != 0) {
        lua_close(L);
        return NULL;
    }
    memory->calls = 0;
    return L;
}

int zl_vm_call(lua_State *L, lua_CFunction function, void *arg)
{
    lua_State *before = zl_runaway_enter(L);
    int outcome = lua_cpcall(L, function, arg);
    zl_runaway_leave(before);
    return outcome;
}

void zl_vm_require(lua_State *L, const char *name)
{
    lua_getglobal(L, "require");
    lua_pushstring(L, name);
    lua_call(L, 1, 0);
}

/* --- errors ---------------------------------------------------------------------------------- */

/* What __tostring (at the top, the value below it) makes of a value, or why it fails. */
static void call_tostring(lua_State *L)
{
    lua_pushvalue(L, -2);
    if (lua_pcall(L, 1, 1, 0) == 0 && lua_isstring(L, -1))
        return;
    const char *cause = lua_isstring(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1);
    lua_pushfstring(L, "an error object whose __tostring fails: %s", cause);
    lua_remove(L, -2);
}

/* A NUL would end the text for what prints it. */
static void show_nuls(lua_State *L)
{
    size_t size;
    const char *text = lua_tolstring(L, -1, &size);
    if (!memchr(text, '\0', size))
        return;
    luaL_Buffer shown;
    luaL_buffinit(L, &shown);
    for (const char *end = text + size; text < end; text++) {
        if (*text)
            luaL_addchar(&shown, *text);
        else
            luaL_addlstring(&shown, "\\0", 2);
    }
    luaL_pushresult(&shown);
    lua_remove(L, -2);
}

/* An error value may be of any type, such as nil or a table with __tostring. */
static void push_message(lua_State *L, lua_State *co)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_pushvalue(co, -1);
    if (co != L)
        lua_xmove(co, L, 1);
    if (lua_isnil(L, -1))
        lua_pushliteral(L, "an error without a message");
    else if (lua_isstring(L, -1))
        lua_pushvalue(L, -1);
    else if (luaL_getmetafield(L, -1, "__tostring"))
        call_tostring(L);
    else
        lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, -1));
    lua_remove(L, -2);
    show_nuls(L);
}

enum frame_kind { OF_THE_SCRIPT, OF_C, OF_ZLRUN };

/* Of a line of a traceback, "\n\tworker.lua:12: in function 'handle'". */
static enum frame_kind kind_of(const char *line)
{
    char file[LUA_IDSIZE];
    const char *begin = line + strspn(line, "\n\t"), *colon = strchr(begin, ':');
    size_t length = colon ? (size_t)(colon - begin) : 0;
    if (begin[0] == '[' && (begin[1] == 'C' || begin[1] == 'b'))
        return OF_C;
    if (length == 0 || length >= sizeof file)
        return OF_THE_SCRIPT;
    memcpy(file, begin, length);
    file[length] = '\0';
    return zl_embedded_has_file(file) ? OF_ZLRUN : OF_THE_SCRIPT;
}

/* Pushes the traceback that begins at the first line of the script, without zlrun's own frames. */
static void push_frames(lua_State *L, lua_State *co, int level)
{
    luaL_traceback(L, co, NULL, level);
    const char *line = strchr(lua_tostring(L, -1), '\n'), *first = line;
    while (first && kind_of(first) != OF_THE_SCRIPT)
        first = strchr(first + 1, '\n');
    luaL_Buffer frames;
    luaL_buffinit(L, &frames);
    luaL_addstring(&frames, "\nstack traceback:");
    for (line = first ? first : line; line;) {
        const char *next = strchr(line + 1, '\n');
        if (kind_of(line) != OF_ZLRUN)
            luaL_addlstring(&frames, line, next ? (size_t)(next - line) : strlen(line));
        line = next;
    }
    luaL_pushresult(&frames);
    lua_remove(L, -2);
}

void zl_vm_take_error(lua_State *L, char *why)
{
    const char *message = lua_tostring(L, -1);
    snprintf(why, ZL_WHY_MAX, "%s", message ? message : "(error object is not a string)");
    lua_pop(L, 1);
}

void zl_vm_push_traceback(lua_State *L, lua_State *co)
{
    push_message(L, co);
    push_frames(L, co, 0);
    lua_concat(L, 2);
}

int zl_vm_add_traceback(lua_State *L)
{
    push_message(L, L);
    push_frames(L, L, 1);
    lua_concat(L, 2);
    return 1;
}

void zl_vm_line(lua_State *L, int level, char *out, size_t size)
{
    lua_Debug info;
    out[0] = '\0';
    if (lua_getstack(L, level, &info) && lua_getinfo(L, "Sl", &info) && info.currentline > 0)
        snprintf(out, size, "%s:%d", info.short_src, info.currentline);
}
