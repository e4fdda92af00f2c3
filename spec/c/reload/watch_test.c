/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/watch: each way in which a file changes causes one call. */
#include "spec/c/reload/watch_support.h"

#include <limits.h>

enum { TIMES = 100 };

/* --- each kind of change --------------------------------------------------------------------- */

typedef void action(const char *text);

/* Every change is followed by one call, at which the new text can be read. */
static void expect_calls(const char *file, action *act)
{
    char text[32];
    f.file = file;
    watch_one(file);
    for (int i = 1; i <= TIMES; i++) {
        snprintf(text, sizeof text, "%d", i);
        act(text);
        expect_call();
        assert_string_equal(f.text, text);
    }
    expect_nothing_more();
}

static void save_in_place(const char *text)
{
    save("worker.lua", text);
}

static void sees_a_file_saved_in_place(void **state)
{
    (void)state;
    save("worker.lua", "0");
    expect_calls("worker.lua", save_in_place);
}

static void rename_onto(const char *text)
{
    replace("worker.lua", text);
}

static void sees_a_file_replaced_by_a_rename(void **state)
{
    (void)state;
    save("worker.lua", "0");
    expect_calls("worker.lua", rename_onto);
}

static void swap_link(const char *text)
{
    char file[64];
    snprintf(file, sizeof file, "%s/worker.lua", text);
    make_folder(text);
    save(file, text);
    point("current", text);
}

static void sees_a_link_to_a_folder_that_is_swapped(void **state)
{
    (void)state;
    swap_link("0");
    expect_calls("current/worker.lua", swap_link);
}

/* As Kubernetes does: the old folder goes after the swap. */
static void update_config_map(const char *text)
{
    char folder[80], file[96], old[64] = "";
    assert_true(readlink("config/..data", old, sizeof old - 1) > 0);
    snprintf(folder, sizeof folder, "config/..%s", text);
    snprintf(file, sizeof file, "%s/worker.lua", folder);
    make_folder(folder);
    save(file, text);
    assert_int_equal(symlink(folder + strlen("config/"), "config/..data_tmp"), 0);
    assert_int_equal(rename("config/..data_tmp", "config/..data"), 0);
    snprintf(folder, sizeof folder, "config/%s", old);
    remove_all(folder);
}

static void sees_the_update_of_a_config_map(void **state)
{
    (void)state;
    make_folder("config");
    make_folder("config/..0");
    save("config/..0/worker.lua", "0");
    point("config/..data", "..0");
    point("config/worker.lua", "..data/worker.lua");
    expect_calls("config/worker.lua", update_config_map);
}

static void make_again(const char *text)
{
    remove_all("a");
    make_folder("a");
    make_folder("a/b");
    save("a/b/worker.lua", text);
}

/* The inode numbers are often those of before. */
static void sees_folders_removed_and_made_again_at_once(void **state)
{
    (void)state;
    make_folder("a");
    expect_calls("a/b/worker.lua", make_again);
    save("a/b/worker.lua", "and again");
    expect_call();
}

static void sees_several_files_checked_out(void **state)
{
    (void)state;
    const char *paths[] = {"worker.lua", "lib/one.lua", "lib/deep/two.lua"};
    make_folder("lib");
    assert_true(zl_watch_set(f.watch, paths, 3, f.why));
    expect_call();
    for (int i = 0; i < TIMES / 4; i++) {
        unlink("worker.lua");
        remove_all("lib");
        make_folder("lib");
        save("lib/one.lua", "1");
        make_folder("lib/deep");
        save("lib/deep/two.lua", "2");
        save("worker.lua", "3");
        expect_call();
        save(paths[i % 3], "again");
        expect_call();
    }
    expect_nothing_more();
}

static void sees_a_file_removed_and_later_created(void **state)
{
    (void)state;
    save("worker.lua", "0");
    watch_one("worker.lua");
    unlink("worker.lua");
    expect_call();
    save("worker.lua", "1");
    expect_call();
    expect_nothing_more();
}

static void sees_folders_removed_and_made_again_one_by_one(void **state)
{
    (void)state;
    watch_one("a/b/worker.lua");
    for (int i = 0; i < 3; i++) {
        make_folder("a");
        expect_call();
        make_folder("a/b");
        expect_call();
        save("a/b/worker.lua", "1");
        expect_call();
        unlink("a/b/worker.lua");
        expect_call();
        rmdir("a/b");
        expect_call();
        rmdir("a");
        expect_call();
    }
    expect_nothing_more();
}

static void sees_a_folder_far_above_renamed_and_replaced(void **state)
{
    (void)state;
    make_folder("a");
    make_again("0");
    watch_one("a/b/worker.lua");
    rename("a", "old");
    expect_call();
    save("old/b/worker.lua", "nobody's");
    expect_nothing_more();
    rename("old", "a");
    expect_call();
    rename("a/b", "b");
    expect_call();
    make_folder("a/b");
    save("a/b/worker.lua", "1");
    expect_call();
    save("b/worker.lua", "nobody's");
    expect_nothing_more();
    save("a/b/worker.lua", "2");
    expect_call();
}

static void sees_a_folder_take_the_place_of_a_file(void **state)
{
    (void)state;
    save("a", "no folder");
    watch_one("a/worker.lua");
    save("a", "still none");
    expect_call();
    unlink("a");
    make_folder("a");
    expect_call();
    save("a/worker.lua", "1");
    expect_call();
    expect_nothing_more();
}

/* --- links ----------------------------------------------------------------------------------- */

static void sees_every_link_on_the_way(void **state)
{
    (void)state;
    char absolute[PATH_MAX];
    snprintf(absolute, sizeof absolute, "%s/real//./sub/", f.folder);
    make_folder("real");
    make_folder("real/sub");
    make_folder("links");
    make_folder("other");
    save("real/sub/worker.lua", "1");
    save("other/worker.lua", "2");
    point("links/absolute", absolute);
    point("links/second", "absolute");
    point("first", "links/second");
    point("worker.lua", "links/../first/worker.lua");
    watch_one("worker.lua");
    save("real/sub/worker.lua", "2");
    expect_call();
    point("links/absolute", "../other");
    expect_call();
    save("real/sub/worker.lua", "nobody's");
    expect_nothing_more();
    save("other/worker.lua", "3");
    expect_call();
    point("links/second", "../real/sub");
    expect_call();
    point("first", "other");
    expect_call();
    point("worker.lua", "real/sub/worker.lua");
    expect_call();
    point("first", "links");
    expect_nothing_more();
}

static void sees_where_a_dangling_link_leads_come_to_be(void **state)
{
    (void)state;
    point("worker.lua", "later/worker.lua");
    watch_one("worker.lua");
    make_folder("later");
    expect_call();
    save("later/worker.lua", "1");
    expect_call();
    expect_nothing_more();
}

static void follows_forty_links_and_no_circle(void **state)
{
    (void)state;
    char name[16], target[16] = "end";
    save("end", "0");
    for (int i = 1; i <= 41; i++) {
        snprintf(name, sizeof name, "%d", i);
        point(name, target);
        strcpy(target, name);
    }
    f.file = "40";
    watch_one("40");
    save("end", "1");
    expect_call();
    assert_string_equal(f.text, "1");
    watch_one("41");
    save("end", "the kernel does not get there either");
    expect_nothing_more();
    point("1", "41");
    expect_call();
    point("1", "end");
    expect_call();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sees_a_file_saved_in_place),
        CASE(sees_a_file_replaced_by_a_rename),
        CASE(sees_a_link_to_a_folder_that_is_swapped),
        CASE(sees_the_update_of_a_config_map),
        CASE(sees_folders_removed_and_made_again_at_once),
        CASE(sees_several_files_checked_out),
        CASE(sees_a_file_removed_and_later_created),
        CASE(sees_folders_removed_and_made_again_one_by_one),
        CASE(sees_a_folder_far_above_renamed_and_replaced),
        CASE(sees_a_folder_take_the_place_of_a_file),
        CASE(sees_every_link_on_the_way),
        CASE(sees_where_a_dangling_link_leads_come_to_be),
        CASE(follows_forty_links_and_no_circle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
