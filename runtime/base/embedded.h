/* SPDX-License-Identifier: MIT */
/* The Lua modules that are part of the program: lua/ compiled to bytecode. Constant; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct zl_embedded_module {
    const char *name; /* "zeroless.task" */
    const char *file; /* "zeroless/task.lua" */
    const unsigned char *bytes;
    size_t size;
};

/* Ends with a row of NULL. */
extern const struct zl_embedded_module zl_embedded_modules[];

/* The module of this name; NULL for none. */
const struct zl_embedded_module *zl_embedded_find(const char *name);

/* Whether a chunk of this name (lua_Debug's short_src) is one of the embedded modules. */
bool zl_embedded_has_file(const char *file);
