/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/table: what was added is found by its key, among many and among those of
 * the same hash. */
#include "runtime/base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_text(const void *item, const void *key)
{
    return strcmp(item, key) == 0;
}

static void *find(const struct zl_table *table, const char *key)
{
    return zl_table_find(table, zl_table_hash(key, strlen(key)), is_text, key);
}

static void finds_each_of_many(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static char keys[COUNT][16];
    struct zl_table table = {NULL, 0, 0};
    assert_null(find(&table, "0"));
    for (int i = 0; i < COUNT; i++) {
        snprintf(keys[i], sizeof keys[i], "%d", i);
        assert_true(zl_table_add(&table, zl_table_hash(keys[i], strlen(keys[i])), keys[i]));
    }
    assert_int_equal(table.count, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_ptr_equal(find(&table, keys[i]), keys[i]);
    assert_null(find(&table, "no such key"));
    zl_table_fini(&table);
    assert_null(find(&table, "0"));
}

static void tells_items_of_one_hash_apart(void **state)
{
    (void)state;
    struct zl_table table = {NULL, 0, 0};
    assert_true(zl_table_add(&table, 1, "a"));
    assert_true(zl_table_add(&table, 1, "b"));
    assert_string_equal(zl_table_find(&table, 1, is_text, "a"), "a");
    assert_string_equal(zl_table_find(&table, 1, is_text, "b"), "b");
    assert_null(zl_table_find(&table, 1, is_text, "c"));
    assert_null(zl_table_find(&table, 2, is_text, "a"));
    zl_table_fini(&table);
}

static void hashes_differ_for_every_byte_and_length(void **state)
{
    (void)state;
    char text[64] = {0};
    for (size_t size = 1; size < sizeof text; size++) {
        uint64_t before = zl_table_hash(text, size);
        assert_true(before != zl_table_hash(text, size - 1));
        for (size_t i = 0; i < size; i++) {
            text[i] = 1;
            assert_true(zl_table_hash(text, size) != before);
            text[i] = 0;
        }
        assert_true(zl_table_hash(text, size) == before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_of_many),
        cmocka_unit_test(tells_items_of_one_hash_apart),
        cmocka_unit_test(hashes_differ_for_every_byte_and_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
