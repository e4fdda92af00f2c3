/* SPDX-License-Identifier: MIT */
/* See heap.h. The size alone identifies the allocator of a block: LuaJIT passes the old size
 * whenever it frees or resizes one. */
#include "runtime/base/heap.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Precedes every large block. */
struct header {
    alignas(max_align_t) atomic_uint holders;
};

static struct header *header_of(void *block)
{
    return (struct header *)block - 1;
}

/* FROM_SYSTEM: blocks of this size and above are mapped, and returned to the system when freed;
 * glibc accepts no higher threshold. KEPT: free memory kept at the top of a heap. Bytes. */
enum { FROM_SYSTEM = 32 << 20, KEPT = 32 << 20 };

/* malloc_trim is due when large blocks use at least MUCH bytes less than at their peak, and at most
 * half of it. */
enum { MUCH = 64 << 20 };

void zl_heap_tune(void)
{
#if defined(M_MMAP_THRESHOLD) && defined(M_TRIM_THRESHOLD)
    mallopt(M_MMAP_THRESHOLD, FROM_SYSTEM);
    mallopt(M_TRIM_THRESHOLD, KEPT);
#endif
}

/* --- large blocks ---------------------------------------------------------------------------- */

/* `header` is NULL, or that of a block without other holders. */
static void *resize_large(struct header *header, size_t size)
{
    struct header *resized = realloc(header, sizeof *header + size);
    if (!resized)
        return NULL;
    if (!header)
        atomic_init(&resized->holders, 1);
    return resized + 1;
}

void zl_heap_share(void *block)
{
    atomic_fetch_add_explicit(&header_of(block)->holders, 1, memory_order_relaxed);
}

void zl_heap_release(void *block)
{
    if (atomic_fetch_sub_explicit(&header_of(block)->holders, 1, memory_order_acq_rel) == 1)
        free(header_of(block));
}

/* By itself, malloc returns only the memory at the top of a heap. */
static void give_back(void)
{
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
}

static void count_large(struct zl_memory *memory, size_t old_size, size_t new_size)
{
    memory->large -= old_size >= ZL_LARGE ? old_size : 0;
    memory->large += new_size >= ZL_LARGE ? new_size : 0;
    if (memory->large > memory->most)
        memory->most = memory->large;
    if (memory->large > memory->most / 2 || memory->most - memory->large < MUCH)
        return;
    give_back();
    memory->most = memory->large;
}

/* --- both ------------------------------------------------------------------------------------ */

static void free_any(struct zl_memory *memory, void *block, size_t size)
{
    if (size >= ZL_LARGE)
        zl_heap_release(block);
    else
        memory->small(memory->small_arg, block, size, 0);
}

/* Moves a block from one allocator to the other. */
static void *move(struct zl_memory *memory, void *block, size_t old_size, size_t new_size)
{
    void *moved = new_size >= ZL_LARGE ? resize_large(NULL, new_size)
                                       : memory->small(memory->small_arg, NULL, 0, new_size);
    if (!moved)
        return NULL;
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    free_any(memory, block, old_size);
    return moved;
}

/* At least one of the two sizes is large. */
static void *allocate_large(struct zl_memory *memory, void *block, size_t old_size, size_t new_size)
{
    void *moved = NULL;
    if (new_size == 0)
        zl_heap_release(block);
    else if (!block)
        moved = resize_large(NULL, new_size);
    else if (old_size >= ZL_LARGE && new_size >= ZL_LARGE)
        moved = resize_large(header_of(block), new_size);
    else
        moved = move(memory, block, old_size, new_size);
    if (moved || new_size == 0)
        count_large(memory, old_size, new_size);
    return moved;
}

void *zl_heap_allocate(void *arg, void *block, size_t old_size, size_t new_size)
{
    struct zl_memory *memory = arg;
    if (__builtin_expect(old_size < ZL_LARGE && new_size < ZL_LARGE, 1))
        return memory->small(memory->small_arg, block, old_size, new_size);
    return allocate_large(memory, block, old_size, new_size);
}

/* Counts the call. Returns whether it must fail. */
static bool count_call(struct zl_memory *memory, size_t used)
{
    memory->calls++;
    return (memory->cap > 0 && used > memory->cap) ||
           (memory->failing > 0 && memory->calls == memory->failing);
}

void *zl_heap_allocate_counted(void *arg, void *block, size_t old_size, size_t new_size)
{
    struct zl_memory *memory = arg;
    if (new_size > old_size && count_call(memory, memory->used - old_size + new_size))
        return NULL;
    void *moved = zl_heap_allocate(memory, block, old_size, new_size);
    if (moved || new_size == 0)
        memory->used += new_size - old_size;
    return moved;
}

void *zl_heap_watch(void *arg, void *block, size_t old_size, size_t new_size)
{
    struct zl_memory *memory = arg;
    void *moved = zl_heap_allocate_counted(memory, block, old_size, new_size);
    if (!memory->first)
        memory->first = moved;
    return moved;
}

static size_t text_offset;

size_t zl_heap_text_offset(void)
{
    return text_offset;
}

void zl_heap_set_text_offset(size_t offset)
{
    text_offset = offset;
}
