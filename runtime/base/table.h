/* SPDX-License-Identifier: MIT */
/* A hash table of pointers, looked up by a hash of their key. It does not own the items and cannot
 * remove one: to remove items, rebuild the table. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zl_slot {
    uint64_t hash;
    void *item; /* NULL: free */
};

/* An empty table is zeroed. */
struct zl_table {
    struct zl_slot *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
};

/* Whether `item` has the key `key`. */
typedef bool zl_table_matches(const void *item, const void *key);

/* A 64-bit hash, the same in every process. Not resistant to chosen collisions. */
uint64_t zl_table_hash(const void *bytes, size_t size);

/* The first item added under `hash` that matches, or NULL. */
void *zl_table_find(const struct zl_table *table, uint64_t hash, zl_table_matches *matches,
                    const void *key);

/* Adds an item; several may have the same hash. False without memory, with the table unchanged. */
bool zl_table_add(struct zl_table *table, uint64_t hash, void *item);

/* Removes all items and frees the slots. */
void zl_table_fini(struct zl_table *table);
