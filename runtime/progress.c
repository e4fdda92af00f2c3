/* SPDX-License-Identifier: MIT */
/* See progress.h. */
#include "runtime/progress.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes that the buffers of both ends can hold. */
enum { RECEIVED_AND_SENT = 12 << 20 };

_Static_assert(sizeof(struct tcp_info) == 104, "the kernel's tcpi_pacing_rate follows");

bool zl_progress_is_ready(const struct zl_tcp_progress *progress)
{
    enum { HANDSHAKE_BYTES = 64 + 28 };
    return progress->info.tcpi_state == TCP_ESTABLISHED && progress->acked >= HANDSHAKE_BYTES &&
           progress->received >= HANDSHAKE_BYTES;
}

bool zl_progress_read(int fd, struct zl_tcp_progress *progress)
{
    socklen_t size = sizeof *progress;
    memset(progress, 0, sizeof *progress);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, progress, &size) == 0;
}

bool zl_progress_is_behind(int fd, const struct zl_stream *peer,
                           const struct zl_tcp_progress *progress, uint64_t buffers)
{
    int waiting = 0;
    return ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0 &&
           progress->received - peer->received < buffers;
}

/* What is looked for in a stream that is still open; `fd` is a duplicate of its descriptor. */
typedef bool condition(int fd, const struct zl_stream *peer);

static bool has_any(const struct zl_streams *peers, condition *is_so)
{
    bool is_found = false;
    for (size_t i = 0; i < peers->count && !is_found; i++) {
        int fd = zl_stream_duplicate(&peers->items[i]);
        if (fd < 0)
            continue;
        is_found = is_so(fd, &peers->items[i]);
        close(fd);
    }
    return is_found;
}

static bool is_asked_and_behind(int fd, const struct zl_stream *peer)
{
    struct zl_tcp_progress progress;
    return peer->is_asked && zl_progress_read(fd, &progress) &&
           zl_progress_is_behind(fd, peer, &progress, RECEIVED_AND_SENT);
}

bool zl_streams_are_behind(const struct zl_streams *peers)
{
    return has_any(peers, is_asked_and_behind);
}

/* Of a socket that listens, the kernel gives the length of its queue as what is unacknowledged. */
static bool is_unread(int fd, const struct zl_stream *peer)
{
    struct zl_tcp_progress progress;
    int waiting = 0;
    if (peer->listens)
        return peer->is_tcp && zl_progress_read(fd, &progress) && progress.info.tcpi_unacked > 0;
    return !peer->is_own && ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

bool zl_streams_have_unread(const struct zl_streams *peers)
{
    return has_any(peers, is_unread);
}

static bool is_beginner(int fd, const struct zl_stream *peer)
{
    struct zl_tcp_progress progress;
    return peer->is_tcp && !peer->listens && !peer->is_own && zl_progress_read(fd, &progress) &&
           progress.info.tcpi_state == TCP_ESTABLISHED && !zl_progress_is_ready(&progress);
}

bool zl_streams_have_beginners(const struct zl_streams *peers)
{
    return has_any(peers, is_beginner);
}
