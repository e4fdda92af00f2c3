/* SPDX-License-Identifier: MIT */
/* The allocators behind Lua. Small blocks come from LuaJIT's own allocator, which is faster; large
 * ones from malloc, which reuses the memory of the last message for the next one. Large blocks are
 * reference-counted: while libzmq sends from one, it outlives its string, and even its lua_State.
 * Unless noted, belongs to the thread of the lua_State. */
#pragma once

#include <stddef.h>

enum { ZL_LARGE = 65536 /* bytes; blocks of this size and above are large */ };

/* The accounts and limits of one lua_State's memory; must outlive the state. */
struct zl_memory {
    size_t used, cap; /* bytes; cap 0 = no limit */
    size_t calls;     /* allocations and growths */
    size_t failing;   /* the number of the call that fails, for tests; 0 = none */
    void *(*small)(void *arg, void *block, size_t old_size, size_t new_size);
    void *small_arg;    /* first argument of `small`, a lua_Alloc for small blocks */
    size_t large, most; /* bytes in large blocks; their peak since malloc was last trimmed */
    void *first;        /* set by zl_heap_watch: the first block allocated */
};

/* Tunes malloc for the whole process to keep more freed memory: fetching fresh pages from the
 * system costs more than filling them. Called once, at startup. Large amounts are still returned,
 * see MUCH in heap.c. */
void zl_heap_tune(void);

/* A lua_Alloc whose arg is a struct zl_memory: any size; neither counts nor limits. */
void *zl_heap_allocate(void *memory, void *block, size_t old_size, size_t new_size);

/* The same, counted and limited by `cap`. Call number `failing` fails. */
void *zl_heap_allocate_counted(void *memory, void *block, size_t old_size, size_t new_size);

/* The same as zl_heap_allocate_counted; records the first block allocated while `first` is NULL. */
void *zl_heap_watch(void *memory, void *block, size_t old_size, size_t new_size);

/* The offset of a string's text in its block, in bytes: the same in every lua_State. Set when the
 * first state is created. */
size_t zl_heap_text_offset(void);
void zl_heap_set_text_offset(size_t offset);

/* Adds a holder to a large block; zl_heap_release removes one, the last one frees it. Any
 * thread. */
void zl_heap_share(void *block);
void zl_heap_release(void *block);
