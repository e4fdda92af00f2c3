/* SPDX-License-Identifier: MIT */
/* A lua_State as every generation gets it: standard libraries, the embedded modules, a memory cap.
 * No Lua runs unprotected here. */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/heap.h"

/* A state with the libraries and a searcher for the embedded modules in it (ZLRUN_LUA names a
 * folder that goes before them). NULL when there is no memory. */
lua_State *zl_vm_new(struct zl_memory *memory);

/* Runs `function` with `arg` as its argument, protected. 0, or an error value is left on L. */
int zl_vm_call(lua_State *L, lua_CFunction function, void *arg);

/* Takes the error value that zl_vm_call has left; its text goes to `why` (ZL_WHY_MAX bytes). */
void zl_vm_take_error(lua_State *L, char *why);

/* require(name); may raise. */
void zl_vm_require(lua_State *L, const char *name);

/* Pushes the text of the error value at the top of `co`, with the frames of the script in a
 * traceback of `co`. A text without NULs. */
void zl_vm_push_traceback(lua_State *L, lua_State *co);

/* The same as a message handler for lua_pcall. */
int zl_vm_add_traceback(lua_State *L);

/* "worker.lua:12" of the function at `level` of the call stack; "" when it has no line. */
void zl_vm_line(lua_State *L, int level, char *out, size_t size);
