/* SPDX-License-Identifier: MIT */
/* See source.h. Contents are compared by a 64-bit hash, so that data files need not stay in
 * memory. */
#include "runtime/script/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- recorded by path ------------------------------------------------------------------------ */

static bool has_path(const void *item, const void *path)
{
    return strcmp(((const struct zl_source *)item)->path, path) == 0;
}

static struct zl_source *find(const struct zl_sources *sources, const char *path)
{
    return zl_table_find(&sources->table, zl_table_hash(path, strlen(path)), has_path, path);
}

static struct zl_source *find_or_add(struct zl_sources *sources, const char *path)
{
    struct zl_source *source = find(sources, path);
    if (source)
        return source;
    source = calloc(1, sizeof *source);
    char *copy = strdup(path);
    if (!source || !copy ||
        !zl_table_add(&sources->table, zl_table_hash(path, strlen(path)), source)) {
        free(source);
        free(copy);
        errno = ENOMEM;
        return NULL;
    }
    source->path = copy;
    source->is_kept = sources->keeps;
    source->next = sources->first;
    sources->first = source;
    sources->count++;
    return source;
}

static void mark_used(struct zl_sources *sources, struct zl_source *source)
{
    sources->used += !source->is_used;
    source->is_used = true;
}

/* --- reading --------------------------------------------------------------------------------- */

static void drop_text(struct zl_source *source)
{
    free(source->text);
    source->text = NULL;
    source->size = 0;
    source->is_new = source->is_served = false;
    source->ahead = 0;
}

/* Reads the file: its hash, and its text unless it is data. `waits`: see zl_content_read. False
 * with errno set if it cannot be read; it then counts as nonexistent. */
static bool read_now(struct zl_source *source, bool waits)
{
    drop_text(source);
    if (source->is_data)
        source->exists = zl_content_hash(source->path, &source->stamp, &source->hash);
    else
        source->exists = (source->text = zl_content_read(source->path, waits, &source->size,
                                                         &source->hash)) != NULL;
    if (source->exists)
        return true;
    source->hash = 0;
    source->stamp = (struct zl_stamp){.is_sure = false};
    return false;
}

/* --- what a generation loads ----------------------------------------------------------------- */

struct zl_source *zl_source_load(struct zl_sources *sources, const char *path, enum zl_load how)
{
    bool fresh = how == ZL_LOAD_FRESH;
    struct zl_source *source = find_or_add(sources, path);
    if (!source)
        return NULL;
    mark_used(sources, source);
    source->is_data = false;
    source->is_required |= !fresh;
    if (source->is_new && (!fresh || source->is_served))
        return source;
    return read_now(source, how != ZL_LOAD_MODULE && !sources->is_read) ? source : NULL;
}

void zl_source_done(struct zl_source *source)
{
    source->is_new = source->is_served = false;
    source->ahead = 0;
    if (!source->is_kept)
        drop_text(source);
}

static bool is_served_as(const void *item, const void *module)
{
    const struct zl_source *source = item;
    return source->is_served && source->module && strcmp(source->module, module) == 0;
}

static void name_source(struct zl_sources *sources, struct zl_source *source, const char *module)
{
    char *copy = strdup(module);
    if (source->module || !copy ||
        !zl_table_add(&sources->table, zl_table_hash(module, strlen(module)), source))
        free(copy);
    else
        source->module = copy;
}

void zl_source_name(struct zl_sources *sources, const char *path, const char *module)
{
    struct zl_source *source = find(sources, path);
    if (source)
        name_source(sources, source, module);
}

const char *zl_source_find_served(const struct zl_sources *sources, const char *module)
{
    const struct zl_source *source =
        zl_table_find(&sources->table, zl_table_hash(module, strlen(module)), is_served_as, module);
    return source ? source->path : NULL;
}

bool zl_source_is_read(const struct zl_sources *sources, const char *path)
{
    const struct zl_source *source = find(sources, path);
    return source && source->is_new;
}

bool zl_source_watch(struct zl_sources *sources, const char *path)
{
    struct zl_source *source = find_or_add(sources, path);
    if (!source)
        return false;
    mark_used(sources, source);
    source->is_data = true;
    if (read_now(source, false) || errno == ENOENT || errno == ENOTDIR)
        return true;
    return errno != ENOMEM && errno != EISDIR && errno < ZL_IS_FIFO;
}

/* --- what the next one is given -------------------------------------------------------------- */

/* Copies an entry to `to`, without its text; NULL without memory. */
static struct zl_source *copy_entry(struct zl_sources *to, const struct zl_source *old)
{
    struct zl_source *source = find_or_add(to, old->path);
    if (!source)
        return NULL;
    source->exists = old->exists;
    source->is_data = old->is_data;
    source->is_required = old->is_required;
    source->hash = old->hash;
    source->stamp = old->stamp;
    return source;
}

bool zl_sources_refresh(struct zl_sources *to, const struct zl_sources *from)
{
    to->is_read = true;
    for (const struct zl_source *old = from->first; old; old = old->next) {
        struct zl_source *source = old->is_used ? copy_entry(to, old) : NULL;
        if (!source && old->is_used)
            return false;
        if (source && !read_now(source, false) && errno == ENOMEM)
            return false;
        if (source)
            source->is_new = source->text != NULL;
    }
    return true;
}

bool zl_sources_copy(struct zl_sources *to, const struct zl_sources *from)
{
    for (const struct zl_source *old = from->first; old; old = old->next) {
        struct zl_source *source = old->is_used ? copy_entry(to, old) : NULL;
        if (!source && old->is_used)
            return false;
        if (!source || !old->text)
            continue;
        source->text = malloc(old->size + 1);
        if (!source->text)
            return false;
        memcpy(source->text, old->text, old->size + 1);
        source->size = old->size;
        source->is_new = source->is_served = true;
        if (old->module)
            name_source(to, source, old->module);
    }
    return true;
}

void zl_sources_take(struct zl_sources *to, struct zl_sources *from)
{
    bool keeps = to->keeps;
    *to = *from;
    *from = (struct zl_sources){.keeps = from->keeps};
    to->keeps = keeps;
    for (struct zl_source *source = to->first; source; source = source->next)
        source->is_kept = keeps;
}

void zl_sources_move(struct zl_sources *to, struct zl_sources *from)
{
    *to = *from;
    *from = (struct zl_sources){.keeps = to->keeps};
    to->used = to->count;
    for (struct zl_source *source = to->first; source; source = source->next) {
        source->is_used = true;
        drop_text(source);
    }
}

bool zl_sources_merge(struct zl_sources *to, const struct zl_sources *from)
{
    for (const struct zl_source *old = from->first; old; old = old->next) {
        if (!old->is_used || find(to, old->path))
            continue;
        struct zl_source *source = copy_entry(to, old);
        if (!source)
            return false;
        mark_used(to, source);
    }
    return true;
}

static void free_source(struct zl_source *source)
{
    free(source->text);
    free(source->path);
    free(source->module);
    free(source);
}

static void put_back(struct zl_sources *sources, struct zl_source *source)
{
    zl_table_add(&sources->table, zl_table_hash(source->path, strlen(source->path)), source);
    if (source->module)
        zl_table_add(&sources->table, zl_table_hash(source->module, strlen(source->module)),
                     source);
}

void zl_sources_prune(struct zl_sources *sources)
{
    struct zl_source **place = &sources->first;
    zl_table_fini(&sources->table); /* adding to it cannot fail: it was larger before */
    while (*place) {
        struct zl_source *source = *place;
        if (source->exists || source->is_used) {
            put_back(sources, source);
            place = &source->next;
            continue;
        }
        *place = source->next;
        sources->count--;
        free_source(source);
    }
}

bool zl_source_is_blank(const struct zl_source *source)
{
    return strspn(source->text, " \t\r\n") == source->size;
}

bool zl_source_is_new(const struct zl_source *source, const struct zl_sources *before)
{
    const struct zl_source *old = find(before, source->path);
    return !old || old->exists != source->exists || old->hash != source->hash;
}

bool zl_sources_are_in(const struct zl_sources *sources, const struct zl_sources *now)
{
    const struct zl_source *source = sources->first;
    while (source && !(source->is_used && zl_source_is_new(source, now)))
        source = source->next;
    return source == NULL;
}

size_t zl_sources_compare(const struct zl_sources *now, const struct zl_sources *before, char *out,
                          size_t size)
{
    size_t count = 0, used = 0;
    out[0] = '\0';
    for (const struct zl_source *source = now->first; source; source = source->next) {
        if (!zl_source_is_new(source, before))
            continue;
        int n = snprintf(out + used, size - used, "%s%s", count ? ", " : "", source->path);
        used = n < 0 || (size_t)n >= size - used ? size - 1 : used + (size_t)n;
        count++;
    }
    return count;
}

void zl_sources_fini(struct zl_sources *sources)
{
    while (sources->first) {
        struct zl_source *source = sources->first;
        sources->first = source->next;
        free_source(source);
    }
    zl_table_fini(&sources->table);
    *sources = (struct zl_sources){.keeps = sources->keeps};
}
