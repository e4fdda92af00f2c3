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

/* The whole file and a NUL, to be freed; its size in bytes without the NUL, and its hash. NULL with
 * errno set. */
char *zl_content_read(const char *path, size_t *size, uint64_t *hash);

/* The hash of a file of data and its stamp. One whose size, times and inode are those of before is
 * not read again; a large one never is, and its times stand for its content. False with errno set.
 */
bool zl_content_hash(const char *path, struct zl_stamp *stamp, uint64_t *hash);
