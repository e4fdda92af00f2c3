/* SPDX-License-Identifier: MIT */
/* See content.h. */
#include "runtime/script/content.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/signals.h"
#include "runtime/base/table.h"

/* Data files larger than LARGE bytes are compared by their stamp alone; a file that turns out
 * longer than its stated size is read up to LARGE bytes beyond it. */
enum { LARGE = 16 << 20, STEP = 16384 };

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

const char *zl_content_explain(const char *path, int error, char *out, size_t size)
{
    const char *kind = error == ZL_IS_FIFO     ? "a FIFO"
                       : error == ZL_IS_DEVICE ? "a device"
                                               : "a socket";
    switch (error) {
    case ZL_IS_FIFO:
    case ZL_IS_DEVICE:
    case ZL_IS_SOCKET:
        snprintf(out, size, "%s is %s, not a file", path, kind);
        break;
    case ZL_IS_ENDLESS:
        snprintf(out, size, "%s has no end: it grows while it is read", path);
        break;
    case ZL_IS_STOPPED:
        snprintf(out, size, "reading %s was interrupted by a signal", path);
        break;
    default:
        snprintf(out, size, "cannot open %s: %s", path, strerror(error));
    }
    return out;
}

/* 0 for a regular file. What is `waited` for may be more than that. */
static int fault_of(mode_t mode, bool waits)
{
    if (S_ISREG(mode))
        return 0;
    if (S_ISDIR(mode))
        return EISDIR;
    if (waits && (S_ISFIFO(mode) || S_ISCHR(mode)))
        return 0;
    return S_ISFIFO(mode) ? ZL_IS_FIFO : S_ISSOCK(mode) ? ZL_IS_SOCKET : ZL_IS_DEVICE;
}

static void close_file(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
}

/* Opens a file without waiting for the other end of a FIFO, or for a device. */
static int open_file(const char *path, bool waits, struct stat *status)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        if (errno == ENXIO)
            errno = stat(path, status) == 0 && S_ISSOCK(status->st_mode) ? ZL_IS_SOCKET : ENXIO;
        return -1;
    }
    errno = fstat(fd, status) == 0 ? fault_of(status->st_mode, waits) : errno;
    if (errno == 0)
        return fd;
    close_file(fd);
    return -1;
}

/* Until there is something to read, or the end of it. */
static bool wait_for_input(int fd)
{
    enum { LOOK_MS = 50 };
    struct pollfd input = {.fd = fd, .events = POLLIN};
    while (poll(&input, 1, LOOK_MS) <= 0) {
        if (zl_signals_pending()) {
            errno = ZL_IS_STOPPED;
            return false;
        }
    }
    return true;
}

/* A read that is repeated when a signal has interrupted it, or another reader was faster. */
static ssize_t read_some(int fd, bool waits, char *out, size_t room)
{
    ssize_t got;
    do {
        if (waits && !wait_for_input(fd))
            return -1;
        got = read(fd, out, room);
    } while (got < 0 && (errno == EINTR || (waits && errno == EAGAIN)));
    return got;
}

static bool grow(char **text, size_t *room, size_t most)
{
    size_t larger = *room * 2 + STEP;
    if (*room >= most) {
        errno = ZL_IS_ENDLESS;
        return false;
    }
    larger = larger < most ? larger : most;
    char *grown = realloc(*text, larger + 1);
    if (!grown)
        return false;
    *text = grown;
    *room = larger;
    return true;
}

/* The rest of the file and a NUL; NULL with errno set. One byte more than expected has room, which
 * shows the end. A file of /proc has no size, one that is being written more than it had: up to a
 * limit. */
static char *read_rest(int fd, const struct stat *status, size_t *size)
{
    bool waits = !S_ISREG(status->st_mode);
    size_t expected = waits ? 0 : (size_t)status->st_size;
    size_t room = expected ? expected + 1 : STEP, used = 0;
    char *text = malloc(room + 1);
    for (ssize_t got = 1; text && got > 0; used += (size_t)(got > 0 ? got : 0)) {
        if (used == room && !grow(&text, &room, expected + LARGE))
            break;
        got = read_some(fd, waits, text + used, room - used);
        if (got == 0) {
            text[used] = '\0';
            *size = used;
            return text;
        }
    }
    int error = errno;
    free(text);
    errno = error;
    return NULL;
}

char *zl_content_read(const char *path, bool waits, size_t *size, uint64_t *hash)
{
    struct stat status = {.st_size = 0};
    int fd = open_file(path, waits, &status);
    if (fd < 0)
        return NULL;
    char *text = read_rest(fd, &status, size);
    if (text)
        *hash = zl_table_hash(text, *size);
    close_file(fd);
    return text;
}

static bool hash_rest(int fd, const struct stat *status, struct zl_stamp *stamp, uint64_t *hash)
{
    struct zl_stamp now = make_stamp(status);
    bool is_known = stamp->is_sure && is_same_stamp(&now, stamp);
    *stamp = now;
    if (is_known || status->st_size > LARGE) {
        *hash = is_known ? *hash : hash_stamp(&now);
        return true;
    }
    size_t size;
    char *text = read_rest(fd, status, &size);
    if (text)
        *hash = zl_table_hash(text, size);
    free(text);
    return text != NULL;
}

bool zl_content_hash(const char *path, struct zl_stamp *stamp, uint64_t *hash)
{
    struct stat status = {.st_size = 0};
    int fd = open_file(path, false, &status);
    if (fd < 0)
        return false;
    bool is_read = hash_rest(fd, &status, stamp, hash);
    close_file(fd);
    return is_read;
}
