/* SPDX-License-Identifier: MIT */
/* The memory behind Lua. Small blocks come from LuaJIT's own allocator, the faster one; large ones
 * from malloc, which keeps for the next message what the last one gave back. A large block is
 * counted: while libzmq sends from it, it outlives the string, and even the lua_State, that it was
 * made for. */
#pragma once

#include <stddef.h>

enum { ZL_LARGE = 65536 /* bytes; from here on a block is large */ };

/* What the allocators of one lua_State count with; must outlive the state. */
struct zl_memory {
    size_t used, cap; /* bytes; cap 0 = none */
    size_t calls;     /* that asked for more */
    size_t failing;   /* the number of the call that gets nothing, for tests; 0 = none */
    void *(*small)(void *arg, void *block, size_t old_size, size_t new_size);
    void *small_world;  /* small: where small blocks come from, a lua_Alloc */
    size_t large, most; /* bytes in large blocks; the most there were since malloc was trimmed */
    void *first;        /* zl_heap_watch: the first block */
};

/* Has malloc keep more of what is freed than it does by itself, for this whole process: to get
 * fresh pages from the system costs more than to fill them. Called once, at the start. What a state
 * no longer needs in large blocks goes back when it is much. */
void zl_heap_tune(void);

/* A lua_Alloc whose arg is a struct zl_memory: any size, without an account. */
void *zl_heap_allocate(void *memory, void *block, size_t old_size, size_t new_size);

/* The same within the cap, with every block in sight of malloc; fails where told to. */
void *zl_heap_allocate_counted(void *memory, void *block, size_t old_size, size_t new_size);

/* The same, which notes the first block it makes while `first` is NULL. */
void *zl_heap_watch(void *memory, void *block, size_t old_size, size_t new_size);

/* Where the text of a string begins in its block, in bytes: the same in every lua_State. Set when
 * the first one is made. */
size_t zl_heap_text_offset(void);
void zl_heap_set_text_offset(size_t offset);

/* Keeps the block that begins at `block`, a large one, until zl_heap_release: on any thread. */
void zl_heap_share(void *block);
void zl_heap_release(void *block);
