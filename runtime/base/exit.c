/* SPDX-License-Identifier: MIT */
/* See exit.h. */
#include "runtime/base/exit.h"

#include <stdio.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
static bool leaves_memory;

/* Called by LeakSanitizer when the process exits. */
int __lsan_is_turned_off(void);
__attribute__((visibility("default"))) int __lsan_is_turned_off(void)
{
    return leaves_memory;
}
#endif

void zl_exit_leave_memory(void)
{
#if defined(__SANITIZE_ADDRESS__)
    leaves_memory = true;
#endif
}

void zl_exit_prepare(int code, bool has_threads)
{
    if (!has_threads)
        return;
    fflush(NULL);
    _exit(code);
}
