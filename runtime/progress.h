/* SPDX-License-Identifier: MIT */
/* How far the connections of streams.h have got, by what the kernel counts. Used on the loop's
 * thread while the process stops; never raises. `fd` is a duplicate of the stream's descriptor. */
#pragma once

#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/streams.h"

/* Bytes that a peer's kernel can hold of what it has sent. */
enum { ZL_SENT_BYTES = 5 << 20 };

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

/* Whether there is something to be read, and all of it may have been sent before `peer->received`
 * was noted: no more than `buffers` can hold has come since. */
bool zl_progress_is_behind(int fd, const struct zl_stream *peer,
                           const struct zl_tcp_progress *progress, uint64_t buffers);

/* Whether what a peer had sent before it was asked to hold is still to be read. Its end comes
 * behind that, however long the reading takes. */
bool zl_streams_are_behind(const struct zl_streams *peers);

/* Whether something has arrived that libzmq has not read: connections to be accepted, too. */
bool zl_streams_have_unread(const struct zl_streams *peers);

/* Whether a peer is in the middle of its handshake. */
bool zl_streams_have_beginners(const struct zl_streams *peers);
