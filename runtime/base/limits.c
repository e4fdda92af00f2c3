/* SPDX-License-Identifier: MIT */
/* See limits.h. Headroom is measured by opening descriptors and closing them again: no other method
 * accounts for those of the script, its libraries and libzmq together. */
#include "runtime/base/limits.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/base/reason.h"

enum { PROBE_MAX = 32 };

void zl_limits_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bool zl_limits_headroom(int count, char *why)
{
    int probes[PROBE_MAX];
    int opened = 0;
    while (opened < count && opened < PROBE_MAX) {
        int fd = eventfd(0, EFD_CLOEXEC);
        if (fd < 0)
            break;
        probes[opened++] = fd;
    }
    for (int i = 0; i < opened; i++)
        close(probes[i]);
    if (opened >= count)
        return true;
    struct rlimit limit = {0, 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    snprintf(why, ZL_WHY_MAX,
             "no file descriptors left: the limit of this process is %ju; close some sockets or "
             "raise the limit (ulimit -n)",
             (uintmax_t)limit.rlim_cur);
    return false;
}
