/* SPDX-License-Identifier: MIT */
/* The log for scripts: records built from Lua values, and log.handler, which receives the records
 * of the script and the host in place of standard error (runtime/script/records.h). */
#include <stdlib.h>
#include <string.h>

#include "bindings/luasup.h"
#include "runtime/base/log.h"
#include "runtime/script/generation.h"
#include "runtime/script/vm.h"

enum { MOST_FIELDS = 32 };

static char handler_key;

/* Replaces the value at the top by its text, and returns it as a field. */
static struct zl_field read_field(lua_State *L, const char *key)
{
    struct zl_field field = {.key = key};
    field.bare = lua_type(L, -1) == LUA_TNUMBER || lua_type(L, -1) == LUA_TBOOLEAN;
    if (lua_type(L, -1) == LUA_TBOOLEAN) {
        lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
        lua_replace(L, -2);
    } else if (luaL_callmeta(L, -1, "__tostring")) {
        lua_replace(L, -2);
    } else if (!lua_isstring(L, -1)) {
        lua_pushstring(L, luaL_typename(L, -1));
        lua_replace(L, -2);
    }
    field.value = lua_tolstring(L, -1, &field.size);
    if (!field.value)
        field.value = "";
    /* JSON cannot represent nan and inf as numbers. */
    if (field.bare && (strstr(field.value, "nan") || strstr(field.value, "inf")))
        field.bare = false;
    return field;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct zl_field *)a)->key, ((const struct zl_field *)b)->key);
}

/* Reads the fields of the table at `index`, sorted by name; their texts stay on the stack. */
static int read_fields(lua_State *L, int index, struct zl_field *fields)
{
    int count = 0;
    if (lua_isnoneornil(L, index))
        return 0;
    luaL_checktype(L, index, LUA_TTABLE);
    luaL_checkstack(L, MOST_FIELDS + 4, NULL);
    lua_newtable(L);
    int texts = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "fields must have names, as in {peer = name}");
        if (count == MOST_FIELDS)
            luaL_error(L, "a record has at most %d fields", MOST_FIELDS);
        fields[count] = read_field(L, lua_tostring(L, -2));
        lua_rawseti(L, texts, ++count);
    }
    qsort(fields, (size_t)count, sizeof *fields, by_key);
    return count;
}

/* A generation that is not the running one has its own level, so that code being replaced does not
 * change the next generation's. */
static bool is_current(const struct zl_generation *generation)
{
    return generation->group.sched->group == &generation->group;
}

static enum zl_level level_of(const struct zl_generation *generation)
{
    return is_current(generation) ? zl_log_level() : generation->level;
}

/* core.log(level, message, fields, stack level of the caller) */
static int core_log(lua_State *L)
{
    struct zl_generation *generation = zl_lua_generation(L);
    enum zl_level level = (enum zl_level)luaL_checkinteger(L, 1);
    if (level < level_of(generation))
        return 0;
    struct zl_field fields[MOST_FIELDS];
    struct zl_record record = {.level = level, .fields = fields, .time = zl_log_time()};
    char line[ZL_LINE_MAX];
    record.message = luaL_checklstring(L, 2, &record.size);
    record.count = read_fields(L, 3, fields);
    zl_lua_caller(L, (int)luaL_optinteger(L, 4, 1), line);
    record.source = line;
    if (!zl_records_pass(&generation->records, &record))
        zl_log_write(&record);
    return 0;
}

static int core_log_level(lua_State *L)
{
    lua_pushstring(L, zl_log_level_name(level_of(zl_lua_generation(L))));
    return 1;
}

static int core_set_log_level(lua_State *L)
{
    struct zl_generation *generation = zl_lua_generation(L);
    const char *name = luaL_checkstring(L, 1);
    enum zl_level level = zl_log_level_find(name);
    if (level == ZL_SILENT && strcmp(name, "silent") != 0) {
        lua_pushboolean(L, 0);
        return 1;
    }
    generation->level = level;
    if (is_current(generation))
        zl_log_set_level(level);
    lua_pushboolean(L, 1);
    return 1;
}

/* --- the handler ----------------------------------------------------------------------------- */

static int call_handler(lua_State *L)
{
    const struct zl_record *record = lua_touserdata(L, 1);
    lua_pushlightuserdata(L, &handler_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_createtable(L, 0, 5);
    lua_pushnumber(L, record->time);
    lua_setfield(L, -2, "time");
    lua_pushstring(L, zl_log_level_name(record->level));
    lua_setfield(L, -2, "level");
    lua_pushlstring(L, record->message, record->size);
    lua_setfield(L, -2, "message");
    lua_pushstring(L, record->source);
    lua_setfield(L, -2, "source");
    lua_createtable(L, 0, record->count);
    for (int i = 0; i < record->count; i++) {
        lua_pushlstring(L, record->fields[i].value, record->fields[i].size);
        lua_setfield(L, -2, record->fields[i].key);
    }
    lua_setfield(L, -2, "fields");
    lua_call(L, 1, 0);
    return 0;
}

/* Runs the handler outside the coroutine that logs. A handler that has failed is removed. */
static bool handle(lua_State *L, const struct zl_record *record)
{
    if (zl_vm_call(L, call_handler, (void *)record) == 0)
        return true;
    zl_lua_generation(L)->records.handler = NULL;
    zl_log(ZL_ERROR, "", "the log handler failed and is no longer used: %s",
           lua_isstring(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1));
    lua_pop(L, 1);
    return false;
}

/* core.log_handler(f or nil): queued records still go to the previous handler */
static int core_log_handler(lua_State *L)
{
    struct zl_generation *generation = zl_lua_live(L);
    bool has_handler = !lua_isnoneornil(L, 1);
    if (has_handler)
        luaL_checktype(L, 1, LUA_TFUNCTION);
    zl_records_deliver(&generation->records);
    lua_settop(L, 1);
    lua_pushlightuserdata(L, &handler_key);
    lua_insert(L, 1);
    lua_rawset(L, LUA_REGISTRYINDEX);
    generation->records.handler = has_handler ? handle : NULL;
    return 0;
}

void zl_open_log(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"log", core_log},
        {"log_level", core_log_level},
        {"set_log_level", core_set_log_level},
        {"log_handler", core_log_handler},
        {NULL, NULL},
    };
    luaL_register(L, NULL, functions);
}
