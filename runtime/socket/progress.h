/* SPDX-License-Identifier: MIT */
/* How far a connection has got, by what the kernel counts. Used on the loop's
 * thread while the process stops; never raises. `fd` is a duplicate of the connection's descriptor.
 */
#pragma once

#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>

/* TCP_INFO as far as it is needed; the C library declares its beginning alone. */
struct zl_tcp_progress {
    struct tcp_info info;
    uint64_t pacing[2];
    uint64_t acked, received; /* bytes */
};

bool zl_progress_read(int fd, struct zl_tcp_progress *progress);

/* Both sides have sent the whole of their handshake of NULL, which is as long in each direction for
 * the sockets that are asked: a greeting, and a READY that names "PULL", "PUSH" or "PAIR". */
bool zl_progress_is_ready(const struct zl_tcp_progress *progress);

/* Whether there is something to be read, and all of it may have been sent before `noted` bytes
 * had been received: no more than `buffers` can hold has come since. */
bool zl_progress_is_behind(int fd, uint64_t noted, const struct zl_tcp_progress *progress,
                           uint64_t buffers);
