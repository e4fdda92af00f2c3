/* SPDX-License-Identifier: MIT */
/* See standard.h. stdio keeps unwritten data and retries it at the next flush, which then fails for
 * the same reason: so the final flush can still name the reason of an earlier failure. */
#include "runtime/base/standard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/exit.h"
#include "runtime/base/log.h"

static bool has_failed;

/* Standard input is opened write-only and the others read-only: using them fails, as it did
 * before. */
void zl_standard_fill(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void zl_standard_flush(void)
{
    errno = 0;
    bool failed = (__fpending(stdout) > 0 && fflush(stdout) != 0) || ferror(stdout);
    if (!failed || has_failed)
        return;
    has_failed = true;
    zl_log(ZL_ERROR, "", "standard output: %s; what was printed is lost",
           errno ? strerror(errno) : "a write failed");
}

int zl_standard_finish(int code)
{
    zl_standard_flush();
    return code == 0 && has_failed ? ZL_EXIT_IO : code;
}
