/* SPDX-License-Identifier: MIT */
/* See hangup.h. The handler starts a timer that sends a second SIGHUP when it expires:
 * timer_settime, signal and raise are async-signal-safe (signal-safety(7)). SIGHUP is handled
 * rather than blocked, because child processes inherit a blocked signal but not a handler. */
#include "runtime/base/hangup.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

enum { PATIENCE = 1 /* seconds */ };

static timer_t timer;
static bool is_held;
static atomic_bool waiting, released;

static void on_hangup(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (atomic_load(&released))
        return;
    if (info->si_code == SI_TIMER) {
        signal(number, SIG_DFL);
        raise(number);
    } else if (!atomic_exchange(&waiting, true)) {
        struct itimerspec once = {.it_value.tv_sec = PATIENCE};
        timer_settime(timer, 0, &once, NULL);
    }
}

void zl_hangup_hold(void)
{
    struct sigaction before, action = {.sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGHUP};
    if (sigaction(SIGHUP, NULL, &before) != 0 || before.sa_handler != SIG_DFL ||
        timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        return;
    is_held = true;
    action.sa_sigaction = on_hangup;
    sigemptyset(&action.sa_mask);
    sigaction(SIGHUP, &action, NULL);
}

bool zl_hangup_release(void)
{
    atomic_store(&released, true);
    if (is_held)
        timer_delete(timer);
    is_held = false;
    return atomic_exchange(&waiting, false);
}
