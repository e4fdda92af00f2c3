/* SPDX-License-Identifier: MIT */
/* The Lua modules built into the program: lua/ compiled to bytecode. Constant data, readable from
 * any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct zl_embedded_module {
    const char *name; /* "zeroless.task" */
    const char *file; /* "zeroless/task.lua" */
    const unsigned char *bytes;
    size_t size;
};

/* Terminated by a row of NULL. */
extern const struct zl_embedded_module zl_embedded_modules[];

/* The module named `name`, or NULL. */
const struct zl_embedded_module *zl_embedded_find(const char *name);

/* Whether a chunk name (lua_Debug's short_src) belongs to an embedded module. */
bool zl_embedded_has_file(const char *file);
