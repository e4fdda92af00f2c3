/* SPDX-License-Identifier: MIT */
/* See output.h. O_NONBLOCK would affect every process that shares the descriptor, so poll(2)
 * precedes each write: a writable pipe accepts PIPE_BUF bytes without blocking. While the queue is
 * not empty, new lines are appended to it, which keeps their order. The thread is started on first
 * use. */
#include "runtime/base/output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { QUEUE_MAX = 1 << 20 /* bytes */, PRINT_MAX = 65536, LOCK_MS = 100 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static char *queue;                /* text not yet taken by the thread */
static size_t queued, room, taken; /* bytes in `queue`, its capacity, bytes being written */
static bool has_thread, is_finished;
static atomic_ulong lost; /* lines */
static void (*report_loss)(unsigned long lines);

static struct timespec in_ms(int64_t ms)
{
    struct timespec then;
    clock_gettime(CLOCK_MONOTONIC, &then);
    then.tv_sec += ms / 1000;
    then.tv_nsec += ms % 1000 * 1000000;
    then.tv_sec += then.tv_nsec / 1000000000;
    then.tv_nsec %= 1000000000;
    return then;
}

static void count_lost(const char *text, size_t size)
{
    unsigned long lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    atomic_fetch_add(&lost, lines);
}

/* --- writing --------------------------------------------------------------------------------- */

static bool is_file(void)
{
    struct stat status;
    return fstat(STDERR_FILENO, &status) == 0 && S_ISREG(status.st_mode);
}

/* Waits up to `wait_ms` (-1: for ever) until standard error is writable. */
static bool poll_writable(int wait_ms)
{
    struct pollfd error = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&error, 1, wait_ms) == 1;
}

/* Writes as much as possible without blocking. Returns the number of bytes that are written or
 * lost. */
static size_t write_some(const char *text, size_t size)
{
    size_t done = 0;
    while (done < size && poll_writable(0)) {
        size_t piece = size - done;
        if (piece > PIPE_BUF && !is_file())
            piece = PIPE_BUF;
        ssize_t written = write(STDERR_FILENO, text + done, piece);
        if (written < 0 && errno == EAGAIN)
            return done;
        if (written < 0 && errno != EINTR) {
            count_lost(text + done, size - done);
            return size;
        }
        done += written > 0 ? (size_t)written : 0;
    }
    return done;
}

static void write_waiting(const char *text, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t written = write(STDERR_FILENO, text + done, size - done);
        if (written < 0 && errno == EAGAIN) {
            poll_writable(-1);
        } else if (written < 0 && errno != EINTR) {
            count_lost(text + done, size - done);
            return;
        }
        done += written > 0 ? (size_t)written : 0;
    }
}

/* --- the queue ------------------------------------------------------------------------------- */

/* Called with the lock held; releases it during the report. */
static void log_loss(void)
{
    unsigned long lines = report_loss ? atomic_exchange(&lost, 0) : 0;
    if (lines == 0)
        return;
    pthread_mutex_unlock(&lock);
    report_loss(lines);
    pthread_mutex_lock(&lock);
}

static void *write_queue(void *nothing)
{
    pthread_mutex_lock(&lock);
    for (;;) {
        while (queued == 0)
            pthread_cond_wait(&changed, &lock);
        char *text = queue;
        taken = queued;
        queue = NULL;
        queued = room = 0;
        pthread_mutex_unlock(&lock);
        write_waiting(text, taken);
        free(text);
        pthread_mutex_lock(&lock);
        taken = 0;
        if (queued == 0)
            log_loss();
        pthread_cond_broadcast(&changed);
    }
    return nothing;
}

static void finish_at_exit(void)
{
    zl_output_finish(1);
}

static bool start_thread(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_condattr_t clock;
    sigset_t all, before;
    if (has_thread)
        return true;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &clock);
    pthread_condattr_destroy(&clock);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    has_thread = pthread_create(&thread, &attributes, write_queue, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (has_thread)
        atexit(finish_at_exit);
    return has_thread;
}

static bool grow(size_t size)
{
    if (queued + size <= room)
        return true;
    size_t wanted = room + room / 2 + size;
    char *grown = realloc(queue, wanted);
    if (!grown)
        return false;
    queue = grown;
    room = wanted;
    return true;
}

static void add_to_queue(const char *text, size_t size)
{
    if (is_finished || taken + queued + size > QUEUE_MAX || !start_thread() || !grow(size)) {
        count_lost(text, size);
        return;
    }
    memcpy(queue + queued, text, size);
    queued += size;
    pthread_cond_broadcast(&changed);
}

/* --- interface ------------------------------------------------------------------------------- */

void zl_output_write(const char *text, size_t size)
{
    struct timespec soon = in_ms(LOCK_MS);
    if (pthread_mutex_clocklock(&lock, CLOCK_MONOTONIC, &soon) != 0) {
        count_lost(text, size);
        return;
    }
    bool is_free = taken == 0 && queued == 0;
    if (is_free && atomic_load(&lost) > 0 && poll_writable(0))
        log_loss();
    size_t done = is_free ? write_some(text, size) : 0;
    if (done < size)
        add_to_queue(text + done, size - done);
    pthread_mutex_unlock(&lock);
}

void zl_output_print(const char *format, ...)
{
    static const char no_memory[] = "zlrun: not enough memory for a message\n";
    va_list args;
    char *text = malloc(PRINT_MAX);
    if (!text) {
        zl_output_write(no_memory, sizeof no_memory - 1);
        return;
    }
    va_start(args, format);
    int size = vsnprintf(text, PRINT_MAX, format, args);
    va_end(args);
    if (size >= PRINT_MAX) {
        size = PRINT_MAX - 1;
        text[size - 1] = '\n';
    }
    if (size > 0)
        zl_output_write(text, (size_t)size);
    free(text);
}

void zl_output_on_loss(void (*report)(unsigned long lines))
{
    report_loss = report;
}

void zl_output_finish(double seconds)
{
    struct timespec until = in_ms((int64_t)(seconds * 1000));
    if (pthread_mutex_clocklock(&lock, CLOCK_MONOTONIC, &until) != 0)
        return;
    int outcome = 0;
    while (!is_finished && (taken > 0 || queued > 0) && outcome == 0)
        outcome = pthread_cond_timedwait(&changed, &lock, &until);
    is_finished = true;
    pthread_mutex_unlock(&lock);
}
