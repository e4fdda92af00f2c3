/* SPDX-License-Identifier: MIT */
/* See progress.h. */
#include "runtime/socket/progress.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

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

bool zl_progress_is_behind(int fd, uint64_t noted, const struct zl_tcp_progress *progress,
                           uint64_t buffers)
{
    int waiting = 0;
    return ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0 &&
           progress->received - noted < buffers;
}
