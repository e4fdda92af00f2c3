/* SPDX-License-Identifier: MIT */
/* See children.h. A process id is not reused before the process is reaped, so a signal never
 * reaches another process. */
#include "runtime/script/children.h"
#include "runtime/base/clock.h"
#include "runtime/base/timers.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct zl_child {
    struct zl_child *next;
    pid_t pid;
    uint64_t kill_at; /* on zl_clock_now's clock; 0 = do not kill, or already killed */
    bool is_detached;
};

/* The time between SIGTERM and SIGKILL, and the time for reaping after that. */
enum { MOMENT_MS = 1000, REAPING_MS = 200 };

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    zl_children_reap(signal->data);
}

static void on_timer(uv_timer_t *timer)
{
    zl_children_reap(timer->data);
}

void zl_children_init(struct zl_children *children, uv_loop_t *uv)
{
    uv_signal_init(uv, &children->signal);
    uv_timer_init(uv, &children->timer);
    children->signal.data = children->timer.data = children;
    children->first = NULL;
}

void zl_children_add(struct zl_children *children, pid_t pid)
{
    struct zl_child *child = calloc(1, sizeof *child);
    bool is_detached = getsid(pid) == pid;
    if (!is_detached)
        kill(pid, SIGTERM);
    if (!child)
        return;
    child->pid = pid;
    child->is_detached = is_detached;
    if (!is_detached)
        child->kill_at = zl_clock_in_ms(MOMENT_MS);
    child->next = children->first;
    children->first = child;
    uv_signal_start(&children->signal, on_signal, SIGCHLD);
    zl_timers_start(&children->timer, on_timer, zl_clock_in_ms(MOMENT_MS));
}

static bool has_ended(const struct zl_child *child)
{
    pid_t pid;
    do
        pid = waitpid(child->pid, NULL, WNOHANG);
    while (pid < 0 && errno == EINTR);
    return pid != 0;
}

static void kill_late(struct zl_child *child, uint64_t now)
{
    if (child->kill_at == 0 || now < child->kill_at)
        return;
    kill(child->pid, SIGKILL);
    child->kill_at = 0;
}

void zl_children_reap(struct zl_children *children)
{
    struct zl_child **place = &children->first;
    uint64_t now = zl_clock_now(), next = 0;
    while (*place) {
        struct zl_child *child = *place;
        if (has_ended(child)) {
            *place = child->next;
            free(child);
            continue;
        }
        kill_late(child, now);
        if (child->kill_at && (next == 0 || child->kill_at < next))
            next = child->kill_at;
        place = &child->next;
    }
    if (!children->first)
        uv_signal_stop(&children->signal);
    if (next)
        zl_timers_start(&children->timer, on_timer, next);
}

static bool has_attached(const struct zl_children *children)
{
    const struct zl_child *child = children->first;
    while (child && child->is_detached)
        child = child->next;
    return child != NULL;
}

void zl_children_finish(struct zl_children *children)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    uint64_t deadline = zl_clock_now() + (uint64_t)(MOMENT_MS + REAPING_MS) * 1000000;
    zl_children_reap(children);
    while (has_attached(children) && zl_clock_now() < deadline) {
        nanosleep(&pause, NULL);
        zl_children_reap(children);
    }
}

void zl_children_fini(struct zl_children *children)
{
    struct zl_child *child;
    while ((child = children->first)) {
        children->first = child->next;
        free(child);
    }
    uv_close((uv_handle_t *)&children->signal, NULL);
    uv_close((uv_handle_t *)&children->timer, NULL);
}
