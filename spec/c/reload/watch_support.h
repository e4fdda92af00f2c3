/* SPDX-License-Identifier: MIT */
/* What the unit tests of runtime/watch share: a folder of the test's own, which is the current
 * directory, a loop, a watch, and waiting for its calls. The events of what a test does wait in the
 * kernel until the loop runs, so the number of calls is exact. */
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/base/reason.h"
#include "runtime/reload/watch.h"

enum { TIME_LIMIT = 60 /* seconds */ };

static struct fixture {
    uv_loop_t loop;
    uv_timer_t deadline; /* keeps the loop alive while the test waits */
    struct zl_watch *watch;
    int calls;
    const char *file; /* read at each call, when not NULL */
    char text[64];
    char folder[32];
    char why[ZL_WHY_MAX];
} f;

/* --- files ----------------------------------------------------------------------------------- */

static inline void save(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static inline void replace(const char *path, const char *text)
{
    save(".new", text);
    assert_int_equal(rename(".new", path), 0);
}

static inline void point(const char *path, const char *target)
{
    assert_int_equal(symlink(target, ".link"), 0);
    assert_int_equal(rename(".link", path), 0);
}

static inline void make_folder(const char *path)
{
    assert_int_equal(mkdir(path, 0755), 0);
}

static inline int remove_one(const char *path, const struct stat *status, int type,
                             struct FTW *level)
{
    (void)status;
    (void)type;
    (void)level;
    return remove(path);
}

static inline void remove_all(const char *path)
{
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

/* --- waiting --------------------------------------------------------------------------------- */

static inline void count_call(void *arg)
{
    ++*(int *)arg;
    if (f.file)
        read_text(f.file, f.text, sizeof f.text);
}

static inline void give_up(uv_timer_t *timer)
{
    timer->data = "waited in vain";
}

static inline void turn(void)
{
    uv_run(&f.loop, UV_RUN_ONCE);
    assert_null(f.deadline.data);
}

static inline void restart_deadline(void)
{
    uv_update_time(&f.loop);
    uv_timer_start(&f.deadline, give_up, TIME_LIMIT * 1000, 0);
}

static inline void await(const int *calls, int wanted)
{
    restart_deadline();
    while (*calls < wanted)
        turn();
    assert_int_equal(*calls, wanted);
}

static inline void expect_call(void)
{
    await(&f.calls, 1);
    f.calls = 0;
}

/* For calls that are more than one, or of which the first may come too early. */
static inline void await_text(const char *text)
{
    restart_deadline();
    while (strcmp(f.text, text) != 0)
        turn();
    f.calls = 0;
}

/* Another watch is told of what happens last: by then this one would have been told, too. */
static inline void expect_nothing_more(void)
{
    int calls = 0;
    const char *marker = ".marker";
    struct zl_watch *other = zl_watch_new(&f.loop, count_call, &calls, f.why);
    assert_true(zl_watch_set(other, &marker, 1, f.why));
    await(&calls, 1);
    for (int i = 2; i < 5; i++) {
        save(".marker", i % 2 ? "odd" : "even");
        await(&calls, i);
    }
    zl_watch_free(other);
    assert_int_equal(f.calls, 0);
}

static inline void watch_one(const char *path)
{
    assert_true(zl_watch_set(f.watch, &path, 1, f.why));
    expect_call();
}

static inline int set_up(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    strcpy(f.folder, "/tmp/zl-watch-XXXXXX");
    assert_non_null(mkdtemp(f.folder));
    assert_int_equal(chdir(f.folder), 0);
    assert_int_equal(uv_loop_init(&f.loop), 0);
    uv_timer_init(&f.loop, &f.deadline);
    f.watch = zl_watch_new(&f.loop, count_call, &f.calls, f.why);
    assert_non_null(f.watch);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    zl_watch_free(f.watch);
    uv_close((uv_handle_t *)&f.deadline, NULL);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f.loop), 0);
    assert_int_equal(chdir("/"), 0);
    remove_all(f.folder);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
