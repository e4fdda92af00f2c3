/* SPDX-License-Identifier: MIT */
/* What is in a file: read whole, with a hash of 64 bits to compare it by. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What tells a file from another without reading it. */
struct zl_stamp {
    uint64_t device, inode, size, modified, changed; /* the last two: nanoseconds since 1970 */
    bool is_sure; /* the file was not being written when it was read */
};

/* What errno is set to for a path that is not a regular file, or one that has no end; beside what
 * the system says. zl_content_explain has the words. */
enum zl_content_fault {
    ZL_IS_FIFO = 100001,
    ZL_IS_DEVICE,
    ZL_IS_SOCKET,
    ZL_IS_ENDLESS,
    ZL_IS_STOPPED /* a signal has asked for the end of the process */
};

/* "worker.lua is a FIFO, not a file", "cannot open worker.lua: Permission denied"; to `out`, which
 * is returned. */
const char *zl_content_explain(const char *path, int error, char *out, size_t size);

/* The whole file and a NUL, to be freed; its size in bytes without the NUL, and its hash. NULL with
 * errno set. What is no regular file is refused without waiting for it, unless `waits`: then FIFOs
 * and terminals are read to their end, or until the process is asked to stop. */
char *zl_content_read(const char *path, bool waits, size_t *size, uint64_t *hash);

/* The hash of a file of data and its stamp. One whose size, times and inode are those of before is
 * not read again; a large one never is, and its times stand for its content. False with errno set.
 */
bool zl_content_hash(const char *path, struct zl_stamp *stamp, uint64_t *hash);
