/* SPDX-License-Identifier: MIT */
/* What the bindings share: the generation of a state, classes of userdata, errors at the caller's
 * line.
 */
#pragma once

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

#include "runtime/loop.h"
#include "runtime/script/generation.h"
#include "runtime/socket/sockets.h"

#define ZL_TASK_CLASS "zlrun.task"

/* The generation that the state belongs to, and its loop. */
struct zl_generation *zl_lua_generation(lua_State *L);
void zl_lua_set_generation(lua_State *L, struct zl_generation *generation);
struct zl_loop *zl_lua_loop(lua_State *L);

/* What a call raises that comes too late: from a finalizer while its generation is closed, or from
 * code of one that has failed. */
#define ZL_REFUSAL                                                                                 \
    "zlrun takes no more calls from here: this generation of the script has failed or has ended"

/* The generation, for a call that changes something; raises ZL_REFUSAL when it comes too late. */
struct zl_generation *zl_lua_live(lua_State *L);

/* Raises, and fails the generation, when the call would end the process in the start of new code:
 * what served before goes on. */
void zl_lua_refuse_in_attempt(lua_State *L, const char *call);

/* Closes the socket at the spec of the script, unless another generation has it by now. */
void zl_lua_close_socket(lua_State *L, struct zl_socket *socket);

/* A class: pushes a table {methods = {}, meta = {}}. `meta` is the metatable of its userdata, with
 * __index = methods; scripts cannot see it. A `property` function (may be NULL) is asked for names
 * that are no methods. Methods and metamethods may be NULL. */
void zl_lua_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta,
                  lua_CFunction property);

/* A new userdata of `size` bytes, zeroed, with the class's metatable. */
void *zl_lua_new(lua_State *L, const char *class_name, size_t size);

/* A handle without a socket yet. */
struct zl_handle *zl_lua_new_handle(lua_State *L, const char *class_name, size_t size);

/* The handle at `index`; raises when it is of another class. */
struct zl_handle *zl_lua_check_handle(lua_State *L, int index, const char *class_name);

/* Lets go of the handle's socket. Never raises. */
void zl_lua_drop_socket(struct zl_handle *handle);

/* Metamethods that senders and receivers share. */
int zl_handle__gc(lua_State *L);
int zl_handle__tostring(lua_State *L);

/* Names the caller's line of the script in `line` (ZL_LINE_MAX bytes). */
void zl_lua_caller(lua_State *L, int level, char *line);

/* One opener a file; each adds its part to the table on top of the stack. */
void zl_open_server(lua_State *L);
void zl_open_client(lua_State *L);
void zl_open_sender(lua_State *L);
void zl_open_receiver(lua_State *L);
void zl_open_task(lua_State *L);
void zl_open_log(lua_State *L);

void zl_open_source(lua_State *L);

/* Puts functions that record what they load in the place of loadfile, dofile and require's search
 * for files. */
void zl_record_sources(lua_State *L);

/* package.preload.luv */
int zl_open_luv(lua_State *L);

/* Lets the servers of the module luv, at the top of the stack, live through a reload. */
void zl_luv_share_servers(lua_State *L);
