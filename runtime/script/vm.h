/* SPDX-License-Identifier: MIT */
/* A lua_State as every generation gets it: standard libraries, embedded modules, memory limit. No
 * Lua runs unprotected here. A state belongs to the loop's thread. */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/heap.h"

/* Creates a state with the libraries and a searcher for the embedded modules (a folder named by
 * ZLRUN_LUA takes precedence). NULL without memory. */
lua_State *zl_vm_new(struct zl_memory *memory);

/* Calls `function` protected, with `arg` as light userdata. Returns 0, or an error code with the
 * error value left on L. */
int zl_vm_call(lua_State *L, lua_CFunction function, void *arg);

/* Pops the error value left by zl_vm_call and copies its text to `why` (ZL_WHY_MAX bytes). */
void zl_vm_take_error(lua_State *L, char *why);

/* Calls require(name), ignoring its result; may raise. */
void zl_vm_require(lua_State *L, const char *name);

/* Pushes the text of the error value at the top of `co`, without NULs, with the script's frames in
 * the traceback of `co`. */
void zl_vm_push_traceback(lua_State *L, lua_State *co);

/* The same, as a message handler for lua_pcall. */
int zl_vm_add_traceback(lua_State *L);

/* Writes "worker.lua:12" for the function at `level` of the call stack; "" if it has no line. */
void zl_vm_line(lua_State *L, int level, char *out, size_t size);
