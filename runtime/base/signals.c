/* SPDX-License-Identifier: MIT */
/* See signals.h. The handlers only set flags and wake the loop: uv_async_send is async-signal-safe
 * (libuv's manual), and so are clock_gettime, poll and _exit (signal-safety(7)). */
#include "runtime/base/signals.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/hangup.h"
#include "runtime/base/timers.h"

static const int handled[] = {SIGINT, SIGTERM, SIGHUP};
enum { HANDLED = sizeof handled / sizeof *handled };

static uv_loop_t *_Atomic target; /* NULL once the loop is being closed */
static zl_signals_on_stop *_Atomic stop_callback;
static void *stop_arg;
static atomic_int pending;
static atomic_bool reload;
static int terminal =
    -1; /* a descriptor of the terminal that the process was started on; -1 = none */
static _Atomic(int64_t) first_ms;
static bool is_started;

/* Wrappers such as timeout(1) send a signal to their child and again to its process group: a second
 * signal within this time is the same request. */
enum { ECHO_MS = 50 };

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* After the terminal was closed, SIGHUP stops the process instead of reloading. */
static bool is_hung_up(void)
{
    struct pollfd terminal_poll = {.fd = terminal};
    return terminal >= 0 && poll(&terminal_poll, 1, 0) == 1 && (terminal_poll.revents & POLLHUP);
}

/* The drain time starts at the signal, even if the loop's thread notices it late. */
static void begin_stop(int64_t now)
{
    atomic_store(&first_ms, now);
    if (atomic_load(&target))
        atomic_load (&stop_callback)(stop_arg);
}

static void on_signal(int number)
{
    int64_t now = now_ms();
    int error = errno;
    if (number == SIGHUP && !is_hung_up())
        atomic_store(&reload, true);
    else if (atomic_exchange(&pending, number) == 0)
        begin_stop(now);
    else if (now - atomic_load(&first_ms) >= ECHO_MS)
        _exit(128 + number);
    uv_loop_t *uv = atomic_load(&target);
    if (uv)
        zl_timers_wake(uv);
    errno = error;
}

/* Writing to a closed pipe or connection (SIGPIPE), or beyond the file size limit (SIGXFSZ), must
 * fail with an error instead of ending the process. A handler, unlike SIG_IGN, is not inherited by
 * child processes. */
static void on_failed_write(int number)
{
    (void)number;
}

static bool is_default(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_DFL;
}

static void outlive_failed_writes(void)
{
    static const int signals[] = {SIGPIPE, SIGXFSZ};
    struct sigaction action = {.sa_handler = on_failed_write, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (is_default(signals[i]))
            sigaction(signals[i], &action, NULL);
}

static void handle(int number)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void zl_signals_renew(void)
{
    if (!is_started)
        return;
    for (int i = 0; i < HANDLED; i++)
        if (is_default(handled[i]))
            handle(handled[i]);
    outlive_failed_writes();
}

void zl_signals_hold(bool holds)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < HANDLED; i++)
        sigaddset(&set, handled[i]);
    pthread_sigmask(holds ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

void zl_signals_start(uv_loop_t *uv, zl_signals_on_stop *on_stop, void *arg)
{
    stop_arg = arg;
    atomic_store(&stop_callback, on_stop);
    atomic_store(&target, uv);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && terminal < 0; fd++)
        terminal = isatty(fd) ? fd : -1;
    for (int i = 0; i < HANDLED; i++)
        handle(handled[i]);
    outlive_failed_writes();
    is_started = true;
    if (zl_hangup_release()) {
        atomic_store(&reload, true);
        zl_timers_wake(uv);
    }
}

void zl_signals_stop(void)
{
    atomic_store(&target, NULL);
}

bool zl_signals_reload(void)
{
    return atomic_exchange(&reload, false);
}

const char *zl_signals_describe(char *out, size_t size)
{
    int number = atomic_load(&pending);
    snprintf(out, size, "%s",
             number == SIGINT    ? "SIGINT (Ctrl-C)"
             : number == SIGTERM ? "SIGTERM"
                                 : "SIGHUP, the terminal was closed");
    return out;
}

int zl_signals_pending(void)
{
    return atomic_load(&pending);
}
