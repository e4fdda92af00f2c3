/* SPDX-License-Identifier: MIT */
/* See source.h. Contents are compared by a hash of 64 bits, so that data files need not be kept in
 * memory. */
#include "runtime/script/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Data files above this many bytes are told apart by their stamp alone. */
enum { LARGE = 16 << 20 };

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
    source->is_pinned = sources->keeps;
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

static uint64_t nanoseconds(struct timespec time)
{
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* A file that was written within the grain of its clock may be written again without another time:
 * its stamp is not sure. Where times have no fractions, the grain is taken for 2 s. */
static struct zl_stamp make_stamp(const struct stat *status)
{
    const uint64_t fine = 20000000, coarse = 2000000000;
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    uint64_t changed = nanoseconds(status->st_ctim);
    uint64_t grain = status->st_ctim.tv_nsec == 0 ? coarse : fine;
    return (struct zl_stamp){.device = status->st_dev,
                             .inode = status->st_ino,
                             .size = (uint64_t)status->st_size,
                             .modified = nanoseconds(status->st_mtim),
                             .changed = changed,
                             .is_sure = changed + grain < nanoseconds(now)};
}

static bool is_same_stamp(const struct zl_stamp *one, const struct zl_stamp *other)
{
    return one->device == other->device && one->inode == other->inode && one->size == other->size &&
           one->modified == other->modified && one->changed == other->changed;
}

static uint64_t hash_stamp(const struct zl_stamp *stamp)
{
    uint64_t parts[] = {stamp->device, stamp->inode, stamp->size, stamp->modified};
    return zl_table_hash(parts, sizeof parts);
}

/* A folder or a pipe is no source: the one cannot be read, the other not twice. */
static int open_file(const char *path, struct stat *status)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, status) == 0 && S_ISDIR(status->st_mode)) {
        close(fd);
        errno = EISDIR;
        return -1;
    }
    return fd;
}

/* The rest of the file and a NUL; NULL with errno set. */
static char *read_whole(int fd, size_t expected, size_t *size)
{
    enum { STEP = 16384 };
    size_t room = expected + STEP, used = 0;
    char *text = malloc(room + 1);
    for (ssize_t got = 1; text && got > 0; used += (size_t)(got > 0 ? got : 0)) {
        if (used == room) {
            char *grown = realloc(text, (room *= 2) + 1);
            if (!grown)
                break;
            text = grown;
        }
        got = read(fd, text + used, room - used);
        if (got == 0) {
            text[used] = '\0';
            *size = used;
            return text;
        }
    }
    int error = text && used < room ? errno : ENOMEM;
    free(text);
    errno = error;
    return NULL;
}

static bool read_data(struct zl_source *source, int fd, const struct stat *status)
{
    struct zl_stamp stamp = make_stamp(status);
    bool is_same = is_same_stamp(&stamp, &source->stamp);
    bool is_known = source->stamp.is_sure && is_same && S_ISREG(status->st_mode);
    source->stamp = stamp;
    if (is_known || status->st_size > LARGE) {
        source->hash = is_known ? source->hash : hash_stamp(&stamp);
        return true;
    }
    size_t size;
    char *text = read_whole(fd, (size_t)status->st_size, &size);
    if (text)
        source->hash = zl_table_hash(text, size);
    free(text);
    return text != NULL;
}

static bool read_text(struct zl_source *source, int fd, const struct stat *status)
{
    source->text = read_whole(fd, (size_t)status->st_size, &source->size);
    if (source->text)
        source->hash = zl_table_hash(source->text, source->size);
    return source->text != NULL;
}

static void drop_text(struct zl_source *source)
{
    free(source->text);
    source->text = NULL;
    source->size = 0;
    source->is_new = source->is_served = false;
}

/* Reads the file: its hash, and its text unless it is data. False with errno when it cannot be
 * read; it then counts as one that does not exist. */
static bool read_now(struct zl_source *source)
{
    struct stat status = {.st_size = 0};
    drop_text(source);
    source->exists = false;
    int fd = open_file(source->path, &status);
    if (fd >= 0) {
        source->exists =
            source->is_data ? read_data(source, fd, &status) : read_text(source, fd, &status);
        int error = errno;
        close(fd);
        errno = error;
    }
    if (source->exists)
        return true;
    source->hash = 0;
    source->stamp = (struct zl_stamp){.is_sure = false};
    return false;
}

/* --- what a generation loads ----------------------------------------------------------------- */

struct zl_source *zl_source_load(struct zl_sources *sources, const char *path, bool fresh)
{
    struct zl_source *source = find_or_add(sources, path);
    if (!source)
        return NULL;
    mark_used(sources, source);
    source->is_data = false;
    if (source->is_new && (!fresh || source->is_served))
        return source;
    return read_now(source) ? source : NULL;
}

void zl_source_done(struct zl_source *source)
{
    source->is_new = source->is_served = false;
    if (!source->is_pinned)
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

bool zl_source_watch(struct zl_sources *sources, const char *path)
{
    struct zl_source *source = find_or_add(sources, path);
    if (!source)
        return false;
    mark_used(sources, source);
    source->is_data = true;
    read_now(source);
    return true;
}

/* --- what the next one is given -------------------------------------------------------------- */

/* The same file in `to`, without its text; NULL without memory. */
static struct zl_source *copy_entry(struct zl_sources *to, const struct zl_source *old)
{
    struct zl_source *source = find_or_add(to, old->path);
    if (!source)
        return NULL;
    source->exists = old->exists;
    source->is_data = old->is_data;
    source->hash = old->hash;
    source->stamp = old->stamp;
    return source;
}

bool zl_sources_refresh(struct zl_sources *to, const struct zl_sources *from)
{
    for (const struct zl_source *old = from->first; old; old = old->next) {
        struct zl_source *source = old->is_used ? copy_entry(to, old) : NULL;
        if (!source && old->is_used)
            return false;
        if (source && !read_now(source) && errno == ENOMEM)
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
        source->is_pinned = keeps;
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
    zl_table_fini(&sources->table); /* it was larger: there is memory */
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
