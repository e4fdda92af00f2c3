/* SPDX-License-Identifier: MIT */
/* See takeover.h. Compiled code lies in memory that is executable and belongs to no file; Lua code
 * in a call from there may be interrupted by a finalizer at any allocation, so that the host stands
 * being called in the middle of it. */
#include "runtime/sched/takeover.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "runtime/base/clock.h"

enum { MOST_RANGES = 64, TRIES = 40 };
enum { TRY_NS = 2000000, WORK_NS = 500000000 };

static struct range {
    uintptr_t begin, end;
} ranges[MOST_RANGES];
static int range_count;
static bool is_anywhere; /* safe, wherever the thread is: it is blocked */
static void (*work)(void *);
static void *work_arg;

/* The handler makes its verdict known by it. */
static atomic_int verdict;
enum { ASKED, UNSAFE, AT_WORK, DONE };

static uintptr_t find_place(const void *context)
{
    const ucontext_t *interrupted = context;
#if defined(__x86_64__)
    return (uintptr_t)interrupted->uc_mcontext.gregs[16]; /* REG_RIP */
#elif defined(__aarch64__)
    return (uintptr_t)interrupted->uc_mcontext.pc;
#else
    (void)interrupted;
    return 0;
#endif
}

static bool is_safe(uintptr_t place)
{
    for (int i = 0; i < range_count; i++)
        if (place >= ranges[i].begin && place < ranges[i].end)
            return true;
    return is_anywhere;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    if (!is_safe(find_place(context))) {
        atomic_store(&verdict, UNSAFE);
        return;
    }
    atomic_store(&verdict, AT_WORK);
    work(work_arg);
    atomic_store(&verdict, DONE);
    for (;;)
        pause();
}

/* Where compiled code is now: "begin-end r-xp 00000000 00:00 0", and no name. */
static void find_ranges(void)
{
    char line[512], rights[5], name[2];
    unsigned long begin, end;
    FILE *maps = fopen("/proc/self/maps", "re");
    range_count = 0;
    while (maps && range_count < MOST_RANGES && fgets(line, sizeof line, maps)) {
        int fields = sscanf(line, "%lx-%lx %4s %*s %*s %*s %1s", &begin, &end, rights, name);
        if (fields == 3 && rights[2] == 'x')
            ranges[range_count++] = (struct range){begin, end};
    }
    if (maps)
        fclose(maps);
}

int64_t zl_takeover_time(pthread_t thread)
{
    clockid_t clock;
    struct timespec now;
    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &now) != 0)
        return -1;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The verdict, once there is one, after `most` nanoseconds at the latest. */
static int await_verdict(int before, uint64_t most)
{
    const struct timespec moment = {.tv_nsec = 100000};
    uint64_t until = zl_clock_now() + most;
    while (atomic_load(&verdict) == before && zl_clock_now() < until)
        nanosleep(&moment, NULL);
    return atomic_load(&verdict);
}

bool zl_takeover_run(pthread_t thread, bool is_blocked, void (*last)(void *), void *arg)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    int number = SIGRTMAX - 1, found = UNSAFE;
    sigfillset(&action.sa_mask);
    work = last;
    work_arg = arg;
    is_anywhere = is_blocked;
    if (sigaction(number, &action, NULL) != 0)
        return false;
    for (int i = 0; i < TRIES && found == UNSAFE; i++) {
        find_ranges();
        atomic_store(&verdict, ASKED);
        if (pthread_kill(thread, number) != 0)
            return false;
        found = await_verdict(ASKED, (uint64_t)TRIES * TRY_NS);
        if (found == UNSAFE)
            nanosleep(&(struct timespec){.tv_nsec = TRY_NS}, NULL);
    }
    return found == DONE || (found == AT_WORK && await_verdict(AT_WORK, WORK_NS) == DONE);
}
