/* SPDX-License-Identifier: MIT */
/* See options.h. A table of all options; each value is converted by its type and stored at its
 * offset in struct zl_options. */
#include "bindings/options.h"

#include <lauxlib.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

enum option_type { HWM, COUNT, SECONDS, MILLISECONDS, BYTES, FLAG, TEXT, BINARY, TOPICS, ADDRESS };

enum { ANY = -1, EVERYWHERE = 1 << ZL_AT_SERVER | 1 << ZL_AT_CLIENT | 1 << ZL_AT_PATTERN };

struct row {
    const char *name;
    enum option_type type;
    int pattern;   /* the only pattern that accepts it, or ANY */
    int places;    /* bits of enum zl_option_place */
    size_t offset; /* in struct zl_options */
};

#define AT(field) offsetof(struct zl_options, field)

/* hwm comes before the two that override it. */
static const struct row rows[] = {
    {"hwm", HWM, ANY, EVERYWHERE, AT(send_hwm)},
    {"send_hwm", COUNT, ANY, EVERYWHERE, AT(send_hwm)},
    {"receive_hwm", COUNT, ANY, EVERYWHERE, AT(receive_hwm)},
    {"timeout", SECONDS, ANY, EVERYWHERE, AT(timeout)},
    {"max_message_size", BYTES, ANY, EVERYWHERE, AT(max_message_size)},
    {"immediate", FLAG, ANY, EVERYWHERE, AT(immediate)},
    {"heartbeat", MILLISECONDS, ANY, EVERYWHERE, AT(heartbeat)},
    {"name", TEXT, ANY, EVERYWHERE, AT(name)},
    {"conflate", FLAG, ZL_SUB, EVERYWHERE, AT(conflate)},
    {"lossless", FLAG, ZL_PUB, EVERYWHERE, AT(lossless)},
    {"topic", BINARY, ZL_PUB, 1 << ZL_AT_PATTERN, AT(topic)},
    {"embed_topic", FLAG, ZL_PUB, 1 << ZL_AT_PATTERN, AT(embed_topic)},
    {"topics", TOPICS, ZL_SUB, 1 << ZL_AT_PATTERN, AT(topics)},
    {"exact", FLAG, ZL_SUB, 1 << ZL_AT_PATTERN, AT(exact)},
    {"retries", COUNT, ZL_REQUEST, 1 << ZL_AT_PATTERN, AT(retries)},
    {"port", ADDRESS, ANY, 1 << ZL_AT_SERVER, 0},
    {"host", ADDRESS, ANY, 1 << ZL_AT_SERVER, 0},
    {"endpoint", ADDRESS, ANY, 1 << ZL_AT_SERVER, 0},
};
enum { ROWS = sizeof rows / sizeof *rows };

struct zl_options zl_options_default(const struct zl_pattern *pattern)
{
    static const struct zl_bytes everything = {"", 0};
    enum { MESSAGES = 1000, HEARTBEAT_MS = 10000 };
    return (struct zl_options){
        .send_hwm = MESSAGES,
        .receive_hwm = MESSAGES,
        .timeout = -1,
        .max_message_size = ZL_FRAME_DEFAULT,
        .heartbeat = HEARTBEAT_MS,
        .topic = {"", 0},
        .topics = (struct zl_bytes *)&everything,
        .topic_count = pattern && pattern->id == ZL_SUB,
    };
}

/* --- names ----------------------------------------------------------------------------------- */

static int smallest(int a, int b, int c)
{
    int least = a < b ? a : b;
    return least < c ? least : c;
}

/* The Levenshtein distance of two words; INT_MAX if `b` is too long. */
static int distance(const char *a, const char *b)
{
    enum { MOST = 32 };
    int line[MOST + 1];
    int width = (int)strlen(b);
    if (width > MOST)
        return INT_MAX;
    for (int j = 0; j <= width; j++)
        line[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = line[0];
        line[0] = i;
        for (int j = 1; j <= width; j++) {
            int above = line[j];
            line[j] = smallest(above + 1, line[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return line[width];
}

static const struct row *find(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static const char *nearest(const char *name, enum zl_option_place place)
{
    const char *best = "";
    int least = INT_MAX;
    for (int i = 0; i < ROWS; i++) {
        int d = rows[i].places & (1 << place) ? distance(name, rows[i].name) : INT_MAX;
        if (d < least) {
            least = d;
            best = rows[i].name;
        }
    }
    return best;
}

static int misplaced(lua_State *L, const struct row *row)
{
    if (row->type == ADDRESS)
        return luaL_error(L, "option '%s' belongs to Server{}", row->name);
    return luaL_error(L, "option '%s' belongs to the pattern: %s{...}", row->name,
                      zl_pattern_get((enum zl_pattern_id)row->pattern)->name);
}

static void check_names(lua_State *L, int index, enum zl_option_place place,
                        const struct zl_pattern *pattern)
{
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "options must have names, as in {hwm = 100}");
        const char *name = lua_tostring(L, -2);
        const struct row *row = find(name);
        if (row && !(row->places & (1 << place)))
            misplaced(L, row);
        if (!row)
            luaL_error(L, "unknown option '%s'; did you mean '%s'?", name, nearest(name, place));
        if (pattern && row->pattern != ANY && row->pattern != (int)pattern->id)
            luaL_error(L, "option '%s' belongs to %s, not to %s", name,
                       zl_pattern_get((enum zl_pattern_id)row->pattern)->name, pattern->name);
        lua_pop(L, 1);
    }
}

/* --- values ---------------------------------------------------------------------------------- */

static int refuse(lua_State *L, const struct row *row, const char *wanted)
{
    return luaL_error(L, "option '%s' must be %s", row->name, wanted);
}

static double number(lua_State *L, const struct row *row, double least, double most,
                     const char *wanted)
{
    double value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
    if (!(value >= least && value <= most))
        refuse(L, row, wanted);
    return value;
}

static double whole(lua_State *L, const struct row *row, double least, double most,
                    const char *wanted)
{
    double value = number(L, row, least, most, wanted);
    if (value != floor(value))
        refuse(L, row, wanted);
    return value;
}

static struct zl_bytes topic(lua_State *L, const char *option, int position)
{
    struct zl_bytes bytes;
    if (lua_type(L, -1) != LUA_TSTRING) {
        if (position > 0)
            luaL_error(L, "option '%s' must contain only strings, element %d is a %s", option,
                       position, luaL_typename(L, -1));
        luaL_error(L, "option '%s' must be a string, not a %s", option, luaL_typename(L, -1));
    }
    bytes.data = lua_tolstring(L, -1, &bytes.size);
    if (bytes.size > ZL_TOPIC_MAX)
        luaL_error(L, "a topic of %d bytes is too long: above %d bytes libzmq may not match it",
                   (int)bytes.size, ZL_TOPIC_MAX);
    return bytes;
}

/* Replaces the table of topics at the top by an array, a userdata. */
static void topics(lua_State *L, const struct row *row, struct zl_options *options)
{
    if (!lua_istable(L, -1))
        refuse(L, row, "a table of strings");
    size_t count = lua_objlen(L, -1);
    if (count == 0)
        luaL_error(L, "option 'topics' is empty, so nothing would be received; omit it to receive "
                      "everything");
    struct zl_bytes *array = lua_newuserdata(L, count * sizeof *array);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, (int)i + 1);
        array[i] = topic(L, row->name, (int)i + 1);
        lua_pop(L, 1);
    }
    options->topics = array;
    options->topic_count = count;
    lua_replace(L, -2);
}

static void take(lua_State *L, const struct row *row, struct zl_options *options)
{
    void *place = (char *)options + row->offset;
    switch (row->type) {
    case HWM:
    case COUNT:
        *(int *)place = (int)whole(L, row, 0, INT_MAX, "a whole number, 0 or more");
        if (row->type == HWM)
            options->receive_hwm = options->send_hwm;
        break;
    case SECONDS:
        *(double *)place = number(L, row, 0, 1e9, "a number of seconds, 0 or more");
        break;
    case MILLISECONDS:
        *(int *)place = (int)ceil(number(L, row, 0, 6553, "seconds between 0 and 6553") * 1000);
        break;
    case BYTES:
        *(int64_t *)place = (int64_t)whole(L, row, 1, 9e15, "a whole number of bytes, 1 or more");
        break;
    case FLAG:
        if (!lua_isboolean(L, -1))
            refuse(L, row, "true or false");
        *(bool *)place = lua_toboolean(L, -1);
        break;
    case TEXT:
        if (lua_type(L, -1) != LUA_TSTRING || strlen(lua_tostring(L, -1)) == 0)
            refuse(L, row, "a string, not an empty one");
        *(const char **)place = lua_tostring(L, -1);
        break;
    case BINARY:
        *(struct zl_bytes *)place = topic(L, row->name, 0);
        break;
    case TOPICS:
        topics(L, row, options);
        break;
    case ADDRESS:
        break; /* read by the server itself */
    }
}

void zl_options_read(lua_State *L, int index, enum zl_option_place place,
                     const struct zl_pattern *pattern, struct zl_options *options)
{
    if (lua_isnoneornil(L, index)) {
        lua_pushnil(L);
        return;
    }
    if (!lua_istable(L, index))
        luaL_error(L, "options are a table, not a %s", luaL_typename(L, index));
    check_names(L, index, place, pattern);
    lua_newtable(L); /* anchors what the options point to */
    for (int i = 0; i < ROWS; i++) {
        lua_pushstring(L, rows[i].name);
        lua_rawget(L, index);
        if (!lua_isnil(L, -1)) {
            take(L, &rows[i], options);
            lua_rawseti(L, -2, i + 1);
        } else {
            lua_pop(L, 1);
        }
    }
}
