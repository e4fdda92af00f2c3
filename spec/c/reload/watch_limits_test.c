/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/watch: what it takes from the kernel, and what it does when that is short.
 */
#include "spec/c/reload/watch_support.h"

#include <dirent.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { EVENTS = 20000 };

/* The process's descriptors; `watches` are those of its inotify descriptors. */
static int count_descriptors(int *watches)
{
    int count = 0;
    char line[256];
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    *watches = 0;
    while ((entry = readdir(folder))) {
        snprintf(line, sizeof line, "/proc/self/fdinfo/%.16s", entry->d_name);
        FILE *info = entry->d_name[0] == '.' ? NULL : fopen(line, "re");
        while (info && fgets(line, sizeof line, info))
            *watches += strncmp(line, "inotify", strlen("inotify")) == 0;
        if (info)
            fclose(info);
        count++;
    }
    closedir(folder);
    return count;
}

static void a_thousand_sets_take_no_more_than_one(void **state)
{
    (void)state;
    const char *paths[] = {"a.lua", "lib/b.lua", "later/c.lua"};
    int watches, watches_before = 0, before = 0;
    make_folder("lib");
    for (int i = 0; i <= 1000; i++) {
        assert_true(zl_watch_set(f.watch, paths, (size_t)(3 - i % 2), f.why));
        uv_run(&f.loop, UV_RUN_NOWAIT);
        if (i == 0)
            before = count_descriptors(&watches_before);
    }
    assert_int_equal(count_descriptors(&watches), before);
    assert_int_equal(watches, watches_before);
    assert_true(watches >= 4); /* of "/", "tmp", our folder and "lib" */
}

/* The kernel's queue overflows, the event of the file is lost. */
static void sees_what_a_flood_has_swept_away(void **state)
{
    (void)state;
    watch_one("worker.lua");
    int one = open("one.log", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    int two = open("two.log", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    for (int i = 0; i < EVENTS; i++)
        assert_int_equal(write(i % 2 ? one : two, "x", 1), 1);
    close(one);
    close(two);
    save("worker.lua", "1");
    expect_call();
}

/* What a child does in a namespace or with rights of its own; its exit code tells. SKIP when it
 * cannot have them. */
enum { FINE = 0, WRONG = 1, SKIP = 2 };

static void in_a_child(int body(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(TIME_LIMIT);
        uv_loop_init(&f.loop);
        uv_timer_init(&f.loop, &f.deadline);
        f.watch = zl_watch_new(&f.loop, count_call, &f.calls, f.why);
        int code = body();
        if (code == WRONG)
            fprintf(stderr, "why: %s\n", f.why);
        _exit(code);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIP)
        skip();
    assert_int_equal(WEXITSTATUS(status), FINE);
}

static bool write_sysctl(const char *name, const char *value)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/sys/user/%s", name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
    if (fd >= 0)
        close(fd);
    return written;
}

static bool is_refused(const char *path, const char *word)
{
    return !zl_watch_set(f.watch, &path, 1, f.why) && strstr(f.why, word);
}

static bool is_called(int calls)
{
    restart_deadline();
    while (f.calls < calls && !f.deadline.data)
        uv_run(&f.loop, UV_RUN_ONCE);
    return f.calls == calls;
}

static int run_out_of_watches(void)
{
    if (unshare(CLONE_NEWUSER) != 0 || !write_sysctl("max_inotify_watches", "2"))
        return SKIP;
    if (!is_refused("a/worker.lua", "fs.inotify.max_user_watches"))
        return WRONG;
    if (!is_called(1) || !write_sysctl("max_inotify_watches", "100"))
        return WRONG;
    if (!is_called(2)) /* it has been tried again */
        return WRONG;
    const char *path = "a/worker.lua";
    return zl_watch_set(f.watch, &path, 1, f.why) ? FINE : WRONG;
}

static void says_when_the_watches_run_out_and_tries_again(void **state)
{
    (void)state;
    make_folder("a");
    in_a_child(run_out_of_watches);
}

static int run_out_of_instances(void)
{
    if (unshare(CLONE_NEWUSER) != 0 || !write_sysctl("max_inotify_instances", "0"))
        return SKIP;
    return is_refused("worker.lua", "fs.inotify.max_user_instances") ? FINE : WRONG;
}

static void says_when_the_instances_run_out(void **state)
{
    (void)state;
    in_a_child(run_out_of_instances);
}

static int run_out_of_descriptors(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_NOFILE, &none);
    return is_refused("worker.lua", "ulimit -n") ? FINE : WRONG;
}

static void says_when_the_descriptors_run_out(void **state)
{
    (void)state;
    in_a_child(run_out_of_descriptors);
}

static int be_nobody(void)
{
    const char *path = "passed/open/worker.lua";
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return SKIP;
    if (!is_refused("passed/worker.lua", "may not be read") || !is_called(1))
        return WRONG;
    if (!zl_watch_set(f.watch, &path, 1, f.why) || !is_called(2))
        return WRONG;
    rename("passed/open", "passed/away"); /* the folder itself tells */
    if (!is_called(3))
        return WRONG;
    rename("passed/away", "passed/open"); /* nobody tells, but it is tried again */
    return is_called(4) ? FINE : WRONG;
}

static void needs_no_right_to_read_a_folder_that_is_only_passed(void **state)
{
    (void)state;
    make_folder("passed");
    make_folder("passed/open");
    assert_int_equal(chmod(".", 0755), 0);
    assert_int_equal(chmod("passed", 0333), 0);
    in_a_child(be_nobody);
    assert_int_equal(chmod("passed", 0755), 0);
}

static void says_when_a_path_is_too_long(void **state)
{
    (void)state;
    static char path[3 * PATH_MAX];
    memset(path, 'x', sizeof path - 1);
    assert_true(is_refused(path, "too long"));
    const char *too_long_for_a_name = path + sizeof path - 1000;
    assert_true(zl_watch_set(f.watch, &too_long_for_a_name, 1, f.why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_thousand_sets_take_no_more_than_one),
        CASE(sees_what_a_flood_has_swept_away),
        CASE(says_when_the_watches_run_out_and_tries_again),
        CASE(says_when_the_instances_run_out),
        CASE(says_when_the_descriptors_run_out),
        CASE(needs_no_right_to_read_a_folder_that_is_only_passed),
        CASE(says_when_a_path_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
