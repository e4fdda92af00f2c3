/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/source: what is recorded of files, when they count as changed, and which
 * text of them is handed out. */
#include "runtime/script/source.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct zl_sources sources, now;
static char folder[32], out[512];

static void save(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static int begin(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/zlrun-source-XXXXXX");
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    save("a.lua", "return 'a'", 10);
    save("b.lua", "return 'b'", 10);
    return 0;
}

static int end(void **state)
{
    (void)state;
    zl_sources_fini(&sources);
    zl_sources_fini(&now);
    unlink("a.lua");
    unlink("b.lua");
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

/* Loads the file into `sources`, as a script does, and gives the text back. */
static void load(const char *path)
{
    struct zl_source *source = zl_source_load(&sources, path, ZL_LOAD_MODULE);
    assert_non_null(source);
    zl_source_done(source);
}

static size_t compare(void)
{
    zl_sources_fini(&now);
    assert_true(zl_sources_refresh(&now, &sources));
    return zl_sources_compare(&now, &sources, out, sizeof out);
}

static void has_the_whole_text(void **state)
{
    (void)state;
    static char large[100000];
    memset(large, 'x', sizeof large);
    large[5] = '\0';
    save("a.lua", large, sizeof large);
    struct zl_source *source = zl_source_load(&sources, "a.lua", ZL_LOAD_MODULE);
    assert_non_null(source);
    assert_int_equal(source->size, sizeof large);
    assert_memory_equal(source->text, large, sizeof large);
    assert_int_equal(source->text[source->size], '\0');
    save("a.lua", "", 0);
    source = zl_source_load(&sources, "a.lua", ZL_LOAD_FRESH);
    assert_non_null(source);
    assert_int_equal(source->size, 0);
    assert_string_equal(source->text, "");
}

static void counts_a_file_once(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        load("a.lua");
    load("b.lua");
    assert_int_equal(sources.count, 2);
}

static void tells_why_a_file_cannot_be_read(void **state)
{
    (void)state;
    assert_null(zl_source_load(&sources, "missing.lua", ZL_LOAD_MODULE));
    assert_int_equal(errno, ENOENT);
    assert_null(zl_source_load(&sources, ".", ZL_LOAD_MODULE));
    assert_int_equal(errno, EISDIR);
    assert_int_equal(sources.count, 2); /* recorded all the same */
    zl_sources_prune(&sources);
    assert_int_equal(sources.count, 2); /* it may appear yet */
}

static void is_no_change_to_be_written_anew(void **state)
{
    (void)state;
    load("a.lua");
    load("b.lua");
    assert_int_equal(compare(), 0);
    assert_string_equal(out, "");
    save("a.lua", "return 'a'", 10);
    assert_int_equal(compare(), 0);
}

static void is_a_change_to_have_another_text_or_none(void **state)
{
    (void)state;
    load("a.lua");
    load("b.lua");
    save("a.lua", "return 'A'", 10);
    assert_int_equal(compare(), 1);
    assert_string_equal(out, "a.lua");
    unlink("b.lua");
    assert_int_equal(compare(), 2);
    assert_non_null(strstr(out, "a.lua"));
    assert_non_null(strstr(out, "b.lua"));
    save("b.lua", "", 0);
    assert_int_equal(compare(), 2);
}

static void is_a_change_to_appear(void **state)
{
    (void)state;
    assert_true(zl_source_watch(&sources, "data.txt"));
    assert_int_equal(compare(), 0);
    save("data.txt", "", 0);
    assert_int_equal(compare(), 1);
    zl_sources_prune(&sources);
    assert_int_equal(sources.count, 1); /* data stay watched */
    unlink("data.txt");
}

static void hands_out_once_what_a_reload_has_read(void **state)
{
    (void)state;
    load("a.lua");
    assert_true(zl_sources_refresh(&now, &sources));
    save("a.lua", "return 'later'", 14);
    struct zl_source *source = zl_source_load(&now, "a.lua", ZL_LOAD_MODULE);
    assert_string_equal(source->text, "return 'a'");
    zl_source_done(source);
    source = zl_source_load(&now, "a.lua", ZL_LOAD_MODULE);
    assert_string_equal(source->text, "return 'later'");
}

static void hands_out_what_is_there_now_when_asked_for_it(void **state)
{
    (void)state;
    load("a.lua");
    assert_true(zl_sources_refresh(&now, &sources));
    save("a.lua", "return 'later'", 14);
    assert_string_equal(zl_source_load(&now, "a.lua", ZL_LOAD_FRESH)->text, "return 'later'");
}

static void keeps_no_text_of_data(void **state)
{
    (void)state;
    assert_true(zl_source_watch(&sources, "a.lua"));
    assert_true(zl_sources_refresh(&now, &sources));
    assert_null(now.first->text);
    assert_true(now.first->exists && now.first->is_data);
}

static void adds_only_what_was_not_there(void **state)
{
    (void)state;
    load("a.lua");
    assert_non_null(zl_source_load(&now, "b.lua", ZL_LOAD_MODULE));
    uint64_t hash = sources.first->hash;
    save("a.lua", "x", 1);
    assert_non_null(zl_source_load(&now, "a.lua", ZL_LOAD_MODULE));
    assert_true(zl_sources_merge(&sources, &now));
    assert_int_equal(sources.count, 2);
    for (const struct zl_source *source = sources.first; source; source = source->next)
        assert_true(strcmp(source->path, "a.lua") != 0 || source->hash == hash);
}

static void cuts_a_list_that_is_too_long(void **state)
{
    (void)state;
    char small[8];
    load("a.lua");
    load("b.lua");
    assert_int_equal(zl_sources_compare(&sources, &now, small, sizeof small), 2);
    assert_true(strlen(small) < sizeof small);
    assert_int_equal(zl_sources_compare(&sources, &now, small, 1), 2);
    assert_string_equal(small, "");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(has_the_whole_text),
        CASE(counts_a_file_once),
        CASE(tells_why_a_file_cannot_be_read),
        CASE(is_no_change_to_be_written_anew),
        CASE(is_a_change_to_have_another_text_or_none),
        CASE(is_a_change_to_appear),
        CASE(hands_out_once_what_a_reload_has_read),
        CASE(hands_out_what_is_there_now_when_asked_for_it),
        CASE(keeps_no_text_of_data),
        CASE(adds_only_what_was_not_there),
        CASE(cuts_a_list_that_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
