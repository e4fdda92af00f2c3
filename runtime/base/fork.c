/* SPDX-License-Identifier: MIT */
/* See fork.h. */
#include "runtime/base/fork.h"

#include <stdio.h>
#include <unistd.h>

static pid_t process; /* 0 in a program that does not ask */

void zl_fork_start(void)
{
    process = getpid();
}

bool zl_fork_is_child(void)
{
    return process != 0 && getpid() != process;
}

void zl_fork_leave(int code)
{
    if (!zl_fork_is_child())
        return;
    fflush(NULL);
    _exit(code);
}
