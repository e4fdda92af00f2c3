/* SPDX-License-Identifier: MIT */
/* See signals.h. The handlers do nothing but hand over: uv_async_send may be called from a signal
 * handler (libuv's manual says so), clock_gettime and _exit too (signal-safety(7)). */
#include "runtime/signals.h"

#include <signal.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "runtime/loop.h"

static const int handled[] = {SIGINT, SIGTERM};
enum { HANDLED = sizeof handled / sizeof *handled };

static struct sigaction before[HANDLED];
static _Atomic(struct zl_loop *) target;
static atomic_int pending;
static _Atomic(int64_t) first_ms;

/* Wrappers such as timeout(1) send a signal to their child and again to its process group. */
enum { ECHO_MS = 50 };

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_signal(int number)
{
    int64_t now = now_ms();
    if (atomic_exchange(&pending, number) == 0)
        atomic_store(&first_ms, now);
    else if (now - atomic_load(&first_ms) >= ECHO_MS)
        _exit(128 + number);
    struct zl_loop *loop = atomic_load(&target);
    if (loop)
        zl_loop_interrupt(loop);
}

void zl_signals_start(struct zl_loop *loop)
{
    atomic_store(&target, loop);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < HANDLED; i++)
        sigaction(handled[i], &action, &before[i]);
}

void zl_signals_stop(void)
{
    if (!atomic_exchange(&target, NULL))
        return;
    for (int i = 0; i < HANDLED; i++)
        sigaction(handled[i], &before[i], NULL);
}

int zl_signals_pending(void)
{
    return atomic_load(&pending);
}
