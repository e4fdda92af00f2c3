/* SPDX-License-Identifier: MIT */
/* See deadletter.h. A message is put together first and written at once, so that those of several
 * processes do not mix; a disk that is full in the middle is cut back to where it was. */
#include "runtime/socket/deadletter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/zmq/endpoint.h"

void zl_deadletter_init(struct zl_deadletter *letters)
{
    letters->fd = -1;
}

static bool make_private(int fd, mode_t mode, const char *path)
{
    if ((mode & (S_IRWXG | S_IRWXO)) == 0)
        return true;
    if (fchmod(fd, S_IRUSR | S_IWUSR) != 0)
        return false;
    zl_log(ZL_WARN, "", "others could read the dead letters in %s: its mode is 0600 now", path);
    return true;
}

/* What is wrong with the file; NULL when nothing is. */
static const char *find_fault(int fd, const char *path)
{
    struct stat status;
    if (fd < 0)
        return errno == ELOOP ? "it is a symbolic link" : strerror(errno);
    if (fstat(fd, &status) != 0)
        return strerror(errno);
    if (!S_ISREG(status.st_mode))
        return "it is no regular file";
    if (status.st_uid != geteuid())
        return "it belongs to another user";
    return make_private(fd, status.st_mode, path) ? NULL : "others may read it";
}

/* The path may be in a folder where others write, such as /tmp: what they have put there is neither
 * followed nor waited for. */
bool zl_deadletter_open(struct zl_deadletter *letters, const char *path, char *why)
{
    int fd =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
             S_IRUSR | S_IWUSR);
    const char *fault = find_fault(fd, path);
    if (!fault) {
        letters->fd = fd;
        return true;
    }
    snprintf(why, ZL_WHY_MAX, "the dead letters cannot be written to %s: %s", path, fault);
    if (fd >= 0)
        close(fd);
    return false;
}

static char *put_number(char *out, size_t number)
{
    uint32_t ordered = htonl((uint32_t)number);
    memcpy(out, &ordered, sizeof ordered);
    return out + sizeof ordered;
}

static bool write_whole(int fd, const char *text, size_t size)
{
    off_t before = lseek(fd, 0, SEEK_END);
    for (size_t done = 0; done < size;) {
        ssize_t written = write(fd, text + done, size - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            while (before >= 0 && ftruncate(fd, before) != 0 && errno == EINTR)
                ;
            return false;
        }
        done += (size_t)written;
    }
    return true;
}

bool zl_deadletter_write(struct zl_deadletter *letters, zmq_msg_t *frames, unsigned count)
{
    size_t size = sizeof(uint32_t);
    for (unsigned i = 0; i < count; i++)
        size += sizeof(uint32_t) + zmq_msg_size(&frames[i]);
    char *text = malloc(size);
    if (!text)
        return false;
    char *end = put_number(text, count);
    for (unsigned i = 0; i < count; i++) {
        end = put_number(end, zmq_msg_size(&frames[i]));
        memcpy(end, zmq_msg_data(&frames[i]), zmq_msg_size(&frames[i]));
        end += zmq_msg_size(&frames[i]);
    }
    bool written = write_whole(letters->fd, text, size);
    free(text);
    return written;
}

void zl_deadletter_close(struct zl_deadletter *letters)
{
    if (letters->fd >= 0)
        close(letters->fd);
    letters->fd = -1;
}
