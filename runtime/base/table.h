/* SPDX-License-Identifier: MIT */
/* A hash table of pointers, found by a hash of their key. It does not own them, and forgets none:
 * who removes an item makes the table anew. Used on one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zl_slot {
    uint64_t hash;
    void *item; /* NULL: free */
};

/* Zeroed: empty. */
struct zl_table {
    struct zl_slot *slots;
    size_t capacity; /* 0 or a power of two */
    size_t count;
};

/* Whether `item` is the one that `key` stands for. */
typedef bool zl_table_matches(const void *item, const void *key);

/* A hash of 64 bits, the same in every process. No protection against chosen collisions. */
uint64_t zl_table_hash(const void *bytes, size_t size);

/* The first item that was added under `hash` and matches; NULL for none. */
void *zl_table_find(const struct zl_table *table, uint64_t hash, zl_table_matches *matches,
                    const void *key);

/* Adds an item, also beside others of the same hash. False without memory, nothing changed. */
bool zl_table_add(struct zl_table *table, uint64_t hash, void *item);

/* Forgets all items. */
void zl_table_fini(struct zl_table *table);
