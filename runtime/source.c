/* SPDX-License-Identifier: MIT */
/* See source.h. Contents are compared by a hash of 64 bits (FNV-1a), so that data files need not be
 * kept in memory. */
#include "runtime/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct zl_source *find(const struct zl_sources *sources, const char *path)
{
    struct zl_source *source = sources->first;
    while (source && strcmp(source->path, path) != 0)
        source = source->next;
    return source;
}

static struct zl_source *find_or_add(struct zl_sources *sources, const char *path)
{
    struct zl_source *source = find(sources, path);
    if (source)
        return source;
    source = calloc(1, sizeof *source);
    char *copy = strdup(path);
    if (!source || !copy) {
        free(source);
        free(copy);
        errno = ENOMEM;
        return NULL;
    }
    source->path = copy;
    source->next = sources->first;
    sources->first = source;
    sources->count++;
    return source;
}

static uint64_t hash_more(uint64_t hash, const char *bytes, size_t size)
{
    const uint64_t prime = 0x100000001b3;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * prime;
    return hash;
}

static bool append(struct zl_source *source, const char *bytes, size_t size)
{
    char *grown = realloc(source->text, source->size + size + 1);
    if (!grown)
        return false;
    memcpy(grown + source->size, bytes, size);
    source->text = grown;
    source->size += size;
    source->text[source->size] = '\0';
    return true;
}

/* A folder or a pipe is no source: the one cannot be read, the other not twice. */
static int open_file(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        close(fd);
        errno = EISDIR;
        return -1;
    }
    return fd;
}

/* Reads the file: its hash, and its text unless it is data. False with errno when it cannot be
 * read; it then counts as one that does not exist. */
static bool read_now(struct zl_source *source)
{
    const uint64_t basis = 0xcbf29ce484222325;
    char chunk[16384];
    ssize_t got = -1;
    zl_source_done(source);
    source->exists = false;
    source->hash = basis;
    int fd = open_file(source->path);
    if (fd < 0)
        return false;
    while ((got = read(fd, chunk, sizeof chunk)) > 0) {
        source->hash = hash_more(source->hash, chunk, (size_t)got);
        if (!source->is_data && !append(source, chunk, (size_t)got)) {
            errno = ENOMEM;
            got = -1;
            break;
        }
    }
    int error = errno;
    close(fd);
    errno = error;
    source->exists = got == 0 && (source->is_data || append(source, "", 0));
    return source->exists;
}

struct zl_source *zl_source_load(struct zl_sources *sources, const char *path, bool fresh)
{
    struct zl_source *source = find_or_add(sources, path);
    if (!source)
        return NULL;
    source->is_data = false;
    if (source->text && !fresh)
        return source;
    return read_now(source) ? source : NULL;
}

void zl_source_done(struct zl_source *source)
{
    free(source->text);
    source->text = NULL;
    source->size = 0;
}

bool zl_source_watch(struct zl_sources *sources, const char *path)
{
    struct zl_source *source = find_or_add(sources, path);
    if (!source)
        return false;
    source->is_data = true;
    read_now(source);
    return true;
}

bool zl_sources_refresh(struct zl_sources *to, const struct zl_sources *from)
{
    for (const struct zl_source *old = from->first; old; old = old->next) {
        struct zl_source *source = find_or_add(to, old->path);
        if (!source)
            return false;
        source->is_data = old->is_data;
        if (!read_now(source) && errno == ENOMEM)
            return false;
    }
    return true;
}

bool zl_sources_merge(struct zl_sources *to, const struct zl_sources *from)
{
    for (const struct zl_source *old = from->first; old; old = old->next) {
        if (find(to, old->path))
            continue;
        struct zl_source *source = find_or_add(to, old->path);
        if (!source)
            return false;
        source->exists = old->exists;
        source->is_data = old->is_data;
        source->hash = old->hash;
    }
    return true;
}

static void free_source(struct zl_source *source)
{
    zl_source_done(source);
    free(source->path);
    free(source);
}

void zl_sources_prune(struct zl_sources *sources)
{
    struct zl_source **place = &sources->first;
    while (*place) {
        struct zl_source *source = *place;
        if (source->exists || source->is_data) {
            place = &source->next;
            continue;
        }
        *place = source->next;
        sources->count--;
        free_source(source);
    }
}

bool zl_source_is_new(const struct zl_source *source, const struct zl_sources *before)
{
    const struct zl_source *old = find(before, source->path);
    return !old || old->exists != source->exists || old->hash != source->hash;
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
    sources->count = 0;
}
