/* SPDX-License-Identifier: MIT */
/* Contents of files: read whole, with a 64-bit hash to compare them by. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Identifies a version of a file without reading it. */
struct zl_stamp {
    uint64_t device, inode, size, modified, changed; /* the last two in ns since 1970 */
    bool is_sure; /* the file was not written just before it was read */
};

/* Values of errno for a path that is not a regular file, or that has no end, in addition to the
 * system's. zl_content_explain describes them. */
enum zl_content_fault {
    ZL_IS_FIFO = 100001,
    ZL_IS_DEVICE,
    ZL_IS_SOCKET,
    ZL_IS_ENDLESS,
    ZL_IS_STOPPED /* a signal has requested a stop */
};

/* Writes "worker.lua is a FIFO, not a file", "cannot open worker.lua: Permission denied" to `out`,
 * which is returned. */
const char *zl_content_explain(const char *path, int error, char *out, size_t size);

/* Reads the whole file and adds a NUL; to be freed. Returns its size in bytes, without the NUL, and
 * its hash. NULL with errno set. What is not a regular file is refused without waiting, unless
 * `waits`: then FIFOs and terminals are read to their end, or until a stop is requested. */
char *zl_content_read(const char *path, bool waits, size_t *size, uint64_t *hash);

/* Computes the hash of a data file and its stamp. A file whose sure stamp is unchanged is not read
 * again. A file above 16 MiB is never read: its hash is that of its stamp. False with errno set. */
bool zl_content_hash(const char *path, struct zl_stamp *stamp, uint64_t *hash);
