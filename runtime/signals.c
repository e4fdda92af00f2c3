/* SPDX-License-Identifier: MIT */
/* See signals.h. The handlers do nothing but hand over: uv_async_send may be called from a signal
 * handler (libuv's manual says so), _exit too (signal-safety(7)). */
#include "runtime/signals.h"

#include <signal.h>
#include <stddef.h>
#include <stdatomic.h>
#include <unistd.h>

#include "runtime/loop.h"

static const int handled[] = {SIGINT, SIGTERM};
enum { HANDLED = sizeof handled / sizeof *handled };

static struct sigaction before[HANDLED];
static _Atomic(struct zl_loop *) target;
static atomic_int pending;

static void on_signal(int number)
{
    if (atomic_exchange(&pending, number) != 0)
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
