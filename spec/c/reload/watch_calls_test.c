/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/watch: what causes no call, when calls come, and that none is missing when
 * files change while the watch is set or looks at them. */
#include "spec/c/reload/watch_support.h"

#include <errno.h>
#include <limits.h>
#include <sys/wait.h>

enum { TIMES = 100, BURST = 50, STORMS = 40 };

/* --- what does not matter -------------------------------------------------------------------- */

static void leaves_other_files_alone(void **state)
{
    (void)state;
    make_folder("app");
    make_folder("app/lib");
    save("app/worker.lua", "0");
    watch_one("app/worker.lua");
    save("app/app", "a log named as its folder");
    save("app/worker.log", "1");
    save("app/lib/worker.lua", "2");
    save("worker.lua", "3");
    expect_nothing_more();
    save("app/app", "1");
    unlink("app/worker.log");
    remove_all("app/lib");
    expect_nothing_more();
    save("app/worker.lua", "1");
    expect_call();
}

static void watches_only_the_last_set(void **state)
{
    (void)state;
    watch_one("one.lua");
    watch_one("two.lua");
    save("one.lua", "1");
    expect_nothing_more();
    save("two.lua", "1");
    expect_call();
    assert_true(zl_watch_set(f.watch, NULL, 0, f.why));
    expect_call();
    save("two.lua", "2");
    expect_nothing_more();
}

static void a_set_has_neither_order_nor_duplicates(void **state)
{
    (void)state;
    char absolute[PATH_MAX];
    snprintf(absolute, sizeof absolute, "%s/a.lua", f.folder);
    const char *paths[] = {"b.lua", absolute, "b.lua", "a.lua"};
    const char *other[] = {"a.lua", "b.lua"};
    assert_true(zl_watch_set(f.watch, paths, 4, f.why));
    expect_call();
    assert_true(zl_watch_set(f.watch, other, 2, f.why));
    expect_nothing_more();
    save("a.lua", "1");
    save("b.lua", "1");
    expect_call();
    expect_nothing_more();
}

/* --- when ------------------------------------------------------------------------------------ */

static void a_burst_is_few_calls_and_one_after_the_last(void **state)
{
    (void)state;
    char text[32] = "";
    f.file = "worker.lua";
    watch_one("worker.lua");
    for (int i = 1; i <= BURST; i++) {
        snprintf(text, sizeof text, "%d", i);
        save("worker.lua", text);
        uv_run(&f.loop, UV_RUN_NOWAIT);
    }
    restart_deadline();
    while (strcmp(f.text, text) != 0)
        turn();
    assert_true(f.calls >= 1 && f.calls < BURST / 2);
    f.calls = 0;
    expect_nothing_more();
}

/* A file that is never quiet. */
static void calls_although_the_changes_do_not_end(void **state)
{
    (void)state;
    watch_one("worker.lua");
    restart_deadline();
    while (f.calls < 3) {
        save("worker.lua", "x");
        uv_run(&f.loop, UV_RUN_NOWAIT);
        assert_null(f.deadline.data);
    }
}

static void a_new_set_loses_nothing_that_happened(void **state)
{
    (void)state;
    const char *paths[] = {"a.lua", "b.lua"};
    f.file = "a.lua";
    watch_one("a.lua");
    for (int i = 0; i < TIMES; i++) {
        char text[32];
        snprintf(text, sizeof text, "%d", i);
        save("a.lua", text);
        assert_true(zl_watch_set(f.watch, paths, (size_t)(1 + i / 2 % 2), f.why));
        expect_call();
        assert_string_equal(f.text, text);
    }
    expect_nothing_more();
}

static void set_again(void *arg)
{
    const char *path = "worker.lua";
    count_call(arg);
    assert_true(zl_watch_set(f.watch, &path, 1, f.why));
}

static void may_be_set_from_the_call(void **state)
{
    (void)state;
    int calls = 0;
    struct zl_watch *first = f.watch;
    f.watch = zl_watch_new(&f.loop, set_again, &calls, f.why);
    zl_watch_free(first);
    set_again(&calls);
    await(&calls, 2);
    for (int i = 3; i < 10; i++) {
        replace("worker.lua", "x");
        await(&calls, i);
    }
}

static void free_from_call(void *arg)
{
    count_call(arg);
    zl_watch_free(f.watch);
    f.watch = NULL;
}

static void may_be_freed_from_the_call(void **state)
{
    (void)state;
    int calls = 0;
    const char *path = "worker.lua";
    zl_watch_free(f.watch);
    f.watch = zl_watch_new(&f.loop, free_from_call, &calls, f.why);
    assert_true(zl_watch_set(f.watch, &path, 1, f.why));
    await(&calls, 1);
}

static void makes_no_call_when_freed(void **state)
{
    (void)state;
    watch_one("worker.lua");
    save("worker.lua", "1");
    zl_watch_free(f.watch);
    f.watch = NULL;
    expect_nothing_more();
}

static void keeps_no_loop_alive(void **state)
{
    (void)state;
    watch_one("worker.lua");
    uv_timer_stop(&f.deadline);
    while (uv_loop_alive(&f.loop)) /* until what was closed is gone */
        uv_run(&f.loop, UV_RUN_NOWAIT);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    save("worker.lua", "1");
    expect_call();
}

/* --- at the same time ------------------------------------------------------------------------ */

static int looks_left; /* until something happens behind the back of the walk */
static char made[32];

/* In place of the C library's, for the host as well. */
ssize_t readlink(const char *restrict path, char *restrict target, size_t size)
{
    ssize_t result = readlinkat(AT_FDCWD, path, target, size);
    int error = errno;
    if (looks_left > 0 && --looks_left == 0) {
        make_folder("a/b");
        save("a/b/worker.lua", made);
    }
    errno = error;
    return result;
}

/* At each look of the walks, what it did not find comes to be. Two walks follow the build of "a",
 * each looks for "tmp", our folder, "a" and "b". */
static void misses_nothing_that_happens_during_a_walk(void **state)
{
    (void)state;
    f.file = "a/b/worker.lua";
    watch_one("a/b/worker.lua");
    for (int look = 1; look <= 8; look++) {
        make_folder("a");
        snprintf(made, sizeof made, "made at look %d", look);
        looks_left = look;
        await_text(made);
        assert_int_equal(looks_left, 0);
        remove_all("a");
        await_text("");
    }
}

static void act_at_random(const char *text)
{
    switch (rand() % 8) {
    case 0:
        rename("a", "away");
        break;
    case 1:
        rename("away", "a");
        break;
    case 2:
        point("link", rand() % 2 ? "a/b" : "c");
        break;
    case 3:
        replace("c/worker.lua", text);
        break;
    case 4:
        if (rename("a", "gone") == 0)
            remove_all("gone");
        break;
    case 5:
        mkdir("a", 0755);
        mkdir("a/b", 0755);
        break;
    default:
        replace("c/.tmp", text);
        rename("c/.tmp", rand() % 2 ? "a/b/worker.lua" : "c/worker.lua");
    }
}

/* Another process changes everything on the way while we walk it; its last change counts. */
static void storm(int seed)
{
    char text[32];
    srand((unsigned)seed);
    snprintf(text, sizeof text, "last %d", seed);
    for (int i = rand() % 200; i > 0; i--)
        act_at_random("in between");
    mkdir("a", 0755);
    mkdir("a/b", 0755);
    replace("link/worker.lua", text);
}

static void misses_no_last_change_of_another_process(void **state)
{
    (void)state;
    char last[32];
    make_folder("a");
    make_folder("a/b");
    make_folder("c");
    point("link", "a/b");
    f.file = "link/worker.lua";
    watch_one("link/worker.lua");
    for (int seed = 1; seed <= STORMS; seed++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            storm(seed);
            _exit(0);
        }
        snprintf(last, sizeof last, "last %d", seed);
        await_text(last);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(leaves_other_files_alone),
        CASE(watches_only_the_last_set),
        CASE(a_set_has_neither_order_nor_duplicates),
        CASE(a_burst_is_few_calls_and_one_after_the_last),
        CASE(calls_although_the_changes_do_not_end),
        CASE(a_new_set_loses_nothing_that_happened),
        CASE(may_be_set_from_the_call),
        CASE(may_be_freed_from_the_call),
        CASE(makes_no_call_when_freed),
        CASE(keeps_no_loop_alive),
        CASE(misses_nothing_that_happens_during_a_walk),
        CASE(misses_no_last_change_of_another_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
