/* SPDX-License-Identifier: MIT */
/* See trim.h. Memory that was free at every sample of a window is not about to be reused. The
 * resident size is sampled first, because it is cheaper than mallinfo2. */
#include "runtime/base/trim.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
enum { MUCH = 64 << 20 /* bytes */, WINDOW = 3 /* looks */ };

static size_t resident(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    bool read = fscanf(file, "%*u %lu", &pages) == 1;
    fclose(file);
    return read ? pages * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

static void begin_window(struct zl_trim *trim)
{
    trim->looks = 0;
    trim->least_free = SIZE_MAX;
}

void zl_trim_look(struct zl_trim *trim)
{
    size_t now = resident();
    if (trim->floor == 0 || now < trim->floor)
        trim->floor = now;
    if (now < trim->floor + MUCH) {
        begin_window(trim);
        return;
    }
    size_t unused = mallinfo2().fordblks;
    if (unused < trim->least_free)
        trim->least_free = unused;
    if (++trim->looks < WINDOW)
        return;
    if (trim->least_free >= MUCH) {
        malloc_trim(0);
        trim->floor = resident();
    }
    begin_window(trim);
}
#else
void zl_trim_look(struct zl_trim *trim)
{
    (void)trim;
}
#endif
