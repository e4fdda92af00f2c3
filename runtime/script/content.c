/* SPDX-License-Identifier: MIT */
/* See content.h. */
#include "runtime/script/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/table.h"

/* Data files larger than this many bytes are compared by their stamp alone. */
enum { LARGE = 16 << 20 };

/* --- stamps ---------------------------------------------------------------------------------- */

static uint64_t nanoseconds(struct timespec time)
{
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* A file written less than a clock tick ago may be written again without changing its times: its
 * stamp is then not sure. If times have no fractions, the tick is taken to be 2 s. */
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

/* --- reading --------------------------------------------------------------------------------- */

/* Opens a file. A folder fails with EISDIR. */
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

static void close_file(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
}

/* Reads the rest of the file and adds a NUL; NULL with errno set. The buffer has room for one byte
 * more than expected, so that the first read can detect the end. */
static char *read_rest(int fd, size_t expected, size_t *size)
{
    enum { STEP = 16384 };
    size_t room = expected ? expected + 1 : STEP, used = 0;
    char *text = malloc(room + 1);
    for (ssize_t got = 1; text && got > 0; used += (size_t)(got > 0 ? got : 0)) {
        if (used == room) {
            char *grown = realloc(text, (room = room * 2 + STEP) + 1);
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

char *zl_content_read(const char *path, size_t *size, uint64_t *hash)
{
    struct stat status = {.st_size = 0};
    int fd = open_file(path, &status);
    if (fd < 0)
        return NULL;
    char *text = read_rest(fd, (size_t)status.st_size, size);
    if (text)
        *hash = zl_table_hash(text, *size);
    close_file(fd);
    return text;
}

static bool hash_rest(int fd, const struct stat *status, struct zl_stamp *stamp, uint64_t *hash)
{
    struct zl_stamp now = make_stamp(status);
    bool is_known = stamp->is_sure && is_same_stamp(&now, stamp) && S_ISREG(status->st_mode);
    *stamp = now;
    if (is_known || status->st_size > LARGE) {
        *hash = is_known ? *hash : hash_stamp(&now);
        return true;
    }
    size_t size;
    char *text = read_rest(fd, (size_t)status->st_size, &size);
    if (text)
        *hash = zl_table_hash(text, size);
    free(text);
    return text != NULL;
}

bool zl_content_hash(const char *path, struct zl_stamp *stamp, uint64_t *hash)
{
    struct stat status = {.st_size = 0};
    int fd = open_file(path, &status);
    if (fd < 0)
        return false;
    bool is_read = hash_rest(fd, &status, stamp, hash);
    close_file(fd);
    return is_read;
}
