/* SPDX-License-Identifier: MIT */
/* See holdback.h. Linux, for TCP and ipc. */
#include "runtime/socket/holdback.h"

#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/socket/farend.h"
#include "runtime/socket/progress.h"

/* Bytes that the buffers of both ends can hold. */
enum { RECEIVED_AND_SENT = 12 << 20 };

/* Bytes that a peer's kernel can hold of what it has sent. */
enum { SENT_BYTES = 5 << 20 };

void zl_holdback_refuse_new(const struct zl_streams *peers)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {1, &drop};
    for (size_t i = 0; i < peers->count; i++) {
        const struct zl_stream *peer = &peers->items[i];
        int fd = peer->listens ? zl_streams_duplicate(peer) : -1;
        if (fd < 0)
            continue;
        if (peer->is_tcp)
            setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
        else if (peer->path[0] == '/')
            unlink(peer->path);
        close(fd);
    }
}

/* Whether the peer may have closed the connection long ago, with the end of it still behind what it
 * has sent: asked then, its kernel would reset the connection and drop that. Once all that its
 * buffer can hold has come, it has not. */
static bool may_be_gone(int fd, struct zl_stream *peer, const struct zl_tcp_progress *progress)
{
    if (peer->received == 0)
        peer->received = progress->received;
    return peer->far_end != ZL_FAR_OPEN &&
           zl_progress_is_behind(fd, peer->received, progress, SENT_BYTES);
}

/* Whether the peer is to be asked later. */
static bool ask(int fd, struct zl_stream *peer, bool all)
{
    static const char ping[] =
        "\x04\x07\x04PING\0\1"; /* a command; its time in tenths of seconds */
    struct zl_tcp_progress progress;
    if (!zl_progress_read(fd, &progress) || !zl_progress_is_ready(&progress))
        return false;
    if (peer->far_end != ZL_FAR_CLOSED && !all && may_be_gone(fd, peer, &progress))
        return true;
    peer->received = progress.received;
    peer->is_asked = peer->far_end == ZL_FAR_CLOSED ||
                     send(fd, ping, sizeof ping - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
    return false;
}

bool zl_holdback_may_ask(const struct zl_stream *peer)
{
    return peer->is_tcp && peer->is_accepted && !peer->listens && !peer->is_own;
}

static size_t ask_each(struct zl_streams *peers, bool all)
{
    size_t later = 0;
    for (size_t i = 0; i < peers->count; i++) {
        struct zl_stream *peer = &peers->items[i];
        if (!zl_holdback_may_ask(peer) || peer->is_asked)
            continue;
        int fd = zl_streams_duplicate(peer);
        if (fd < 0)
            continue;
        later += ask(fd, peer, all);
        close(fd);
    }
    return later;
}

size_t zl_holdback_ask(struct zl_streams *peers, bool all)
{
    size_t later = ask_each(peers, all);
    if (later == 0 || peers->is_looked_up)
        return later;
    peers->is_looked_up = true;
    zl_farend_look(peers);
    return ask_each(peers, all);
}

void zl_holdback_shut(struct zl_streams *peers, bool all)
{
    for (size_t i = 0; i < peers->count; i++) {
        const struct zl_stream *peer = &peers->items[i];
        if (peer->listens || peer->is_own || (zl_holdback_may_ask(peer) && !all))
            continue;
        int fd = zl_streams_duplicate(peer);
        if (fd < 0)
            continue;
        shutdown(fd, SHUT_WR);
        close(fd);
    }
}

/* What is looked for in a stream that is still open; `fd` is a duplicate of its descriptor. */
typedef bool condition(int fd, const struct zl_stream *peer);

static bool has_any(const struct zl_streams *peers, condition *is_so)
{
    bool is_found = false;
    for (size_t i = 0; i < peers->count && !is_found; i++) {
        int fd = zl_streams_duplicate(&peers->items[i]);
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
           zl_progress_is_behind(fd, peer->received, &progress, RECEIVED_AND_SENT);
}

bool zl_holdback_is_behind(const struct zl_streams *peers)
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

bool zl_holdback_has_unread(const struct zl_streams *peers)
{
    return has_any(peers, is_unread);
}

static bool is_beginner(int fd, const struct zl_stream *peer)
{
    struct zl_tcp_progress progress;
    return peer->is_tcp && !peer->listens && !peer->is_own && zl_progress_read(fd, &progress) &&
           progress.info.tcpi_state == TCP_ESTABLISHED && !zl_progress_is_ready(&progress);
}

bool zl_holdback_has_beginners(const struct zl_streams *peers)
{
    return has_any(peers, is_beginner);
}

void zl_holdback_give_up_beginners(struct zl_streams *peers)
{
    for (size_t i = 0; i < peers->count; i++) {
        struct zl_stream *peer = &peers->items[i];
        int fd = peer->is_given_up ? -1 : zl_streams_duplicate(peer);
        if (fd < 0)
            continue;
        peer->is_given_up = is_beginner(fd, peer);
        if (peer->is_given_up)
            shutdown(fd, SHUT_WR);
        close(fd);
    }
}
