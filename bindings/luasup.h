/* SPDX-License-Identifier: MIT */
/* Helpers shared by the bindings: the generation of a Lua state, userdata classes, errors at the
 * caller's line. Belongs to the loop's thread. */
#pragma once

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

#include "runtime/loop.h"
#include "runtime/script/generation.h"
#include "runtime/socket/sockets.h"

#define ZL_TASK_CLASS "zlrun.task"

/* The generation of the state, and its loop. */
struct zl_generation *zl_lua_generation(lua_State *L);
void zl_lua_set_generation(lua_State *L, struct zl_generation *generation);
struct zl_loop *zl_lua_loop(lua_State *L);

/* The error of a call that is refused: from a finalizer while its generation is being closed, or
 * from code of a failed one. */
#define ZL_REFUSAL "call refused: this generation of the script has failed or ended"

/* The generation, for a call with side effects; raises ZL_REFUSAL if it has failed or ended. */
struct zl_generation *zl_lua_live(lua_State *L);

/* Raises and fails the generation if the call would end the process while new code is starting: the
 * previous generation keeps serving. */
void zl_lua_refuse_in_attempt(lua_State *L, const char *call);

/* Closes the socket on the script's request, unless another generation owns it by now. */
void zl_lua_close_socket(lua_State *L, struct zl_socket *socket);

/* Creates a class: pushes a table {methods = {}, meta = {}}. `meta` is the metatable of its
 * userdata, with __index = methods, and is hidden from scripts. The `property` function (may be
 * NULL) is called for names that are not methods. Methods and metamethods may be NULL. */
void zl_lua_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta,
                  lua_CFunction property);

/* Creates a userdata of `size` zeroed bytes with the metatable of the class. */
void *zl_lua_new(lua_State *L, const char *class_name, size_t size);

/* Creates a handle without a socket. */
struct zl_handle *zl_lua_new_handle(lua_State *L, const char *class_name, size_t size);

/* The handle at `index`; raises if it is of another class. */
struct zl_handle *zl_lua_check_handle(lua_State *L, int index, const char *class_name);

/* Releases the handle's socket. Never raises. */
void zl_lua_drop_socket(struct zl_handle *handle);

/* Metamethods shared by senders and receivers. */
int zl_handle__gc(lua_State *L);
int zl_handle__tostring(lua_State *L);

/* Writes the script line of the function at `level` to `line` (ZL_LINE_MAX bytes). */
void zl_lua_caller(lua_State *L, int level, char *line);

/* One opener per file; each adds its part to the table on top of the stack. */
void zl_open_server(lua_State *L);
void zl_open_client(lua_State *L);
void zl_open_sender(lua_State *L);
void zl_open_receiver(lua_State *L);
void zl_open_task(lua_State *L);
void zl_open_log(lua_State *L);

void zl_open_source(lua_State *L);

/* Replaces loadfile, dofile and require's searcher for files by functions that record what they
 * load. */
void zl_record_sources(lua_State *L);

/* package.preload.luv */
int zl_open_luv(lua_State *L);

/* Makes the servers of the module luv, at the top of the stack, survive a reload. */
void zl_luv_share_servers(lua_State *L);
