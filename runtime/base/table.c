/* SPDX-License-Identifier: MIT */
/* See table.h. Open addressing, at most half full. */
#include "runtime/base/table.h"

#include <stdlib.h>
#include <string.h>

uint64_t zl_table_hash(const void *bytes, size_t size)
{
    const uint64_t prime = 0x9e3779b97f4a7c15;
    const unsigned char *at = bytes;
    uint64_t hash = size * prime, word;
    for (size_t left = size; left > 0;) {
        size_t step = left < sizeof word ? left : sizeof word;
        word = 0;
        memcpy(&word, at, step);
        hash = (hash ^ word) * prime;
        hash ^= hash >> 29;
        at += step;
        left -= step;
    }
    hash *= prime;
    return hash ^ hash >> 32;
}

void *zl_table_find(const struct zl_table *table, uint64_t hash, zl_table_matches *matches,
                    const void *key)
{
    size_t mask = table->capacity - 1;
    for (size_t i = hash & mask; table->capacity > 0 && table->slots[i].item; i = (i + 1) & mask)
        if (table->slots[i].hash == hash && matches(table->slots[i].item, key))
            return table->slots[i].item;
    return NULL;
}

static void put(struct zl_slot *slots, size_t capacity, struct zl_slot slot)
{
    size_t i = slot.hash & (capacity - 1);
    while (slots[i].item)
        i = (i + 1) & (capacity - 1);
    slots[i] = slot;
}

static bool grow(struct zl_table *table)
{
    enum { FIRST = 16 };
    size_t capacity = table->capacity ? table->capacity * 2 : FIRST;
    struct zl_slot *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i].item)
            put(slots, capacity, table->slots[i]);
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return true;
}

bool zl_table_add(struct zl_table *table, uint64_t hash, void *item)
{
    if ((table->count + 1) * 2 > table->capacity && !grow(table))
        return false;
    put(table->slots, table->capacity, (struct zl_slot){hash, item});
    table->count++;
    return true;
}

void zl_table_fini(struct zl_table *table)
{
    free(table->slots);
    *table = (struct zl_table){NULL, 0, 0};
}
