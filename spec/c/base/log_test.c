/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/base/log and quota.h: lines that wait for zl_log_flush are bounded and the
 * others counted; a line that can be provoked is logged once in a while, with a count. */
#include "runtime/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/base/quota.h"

struct seen {
    unsigned long lines, bytes;
    char first[64], last[256];
};

static bool see(void *world, const struct zl_record *record)
{
    struct seen *seen = world;
    if (seen->lines++ == 0)
        snprintf(seen->first, sizeof seen->first, "%s", record->message);
    snprintf(seen->last, sizeof seen->last, "%s", record->message);
    seen->bytes += record->size;
    return true;
}

static void keeps_a_megabyte_and_counts_the_rest(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    struct seen seen = {0};
    char text[256];
    zl_log_set_sink(see, &seen);
    for (int i = 0; i < COUNT; i++)
        zl_log_later(ZL_WARN, "source", "line %d of those that are logged later", i);
    assert_int_equal(seen.lines, 0);
    zl_log_flush();
    assert_in_range(seen.lines, 1000, COUNT / 2);
    assert_in_range(seen.bytes, 100000, 1 << 20);
    assert_string_equal(seen.first, "line 0 of those that are logged later");
    snprintf(text, sizeof text, "%lu log lines were lost: too many came at once",
             COUNT - (seen.lines - 1));
    assert_string_equal(seen.last, text);
    zl_log_later(ZL_WARN, "", "there is room again");
    zl_log_flush();
    assert_string_equal(seen.last, "there is room again");
    zl_log_set_sink(NULL, NULL);
}

static void counts_what_it_holds_back(void **state)
{
    (void)state;
    struct zl_quota quota = {0, 0};
    assert_true(zl_quota_take(&quota));
    assert_int_equal(zl_quota_settle(&quota, true), 0);
    for (int i = 0; i < 5; i++)
        assert_false(zl_quota_take(&quota));
    assert_int_equal(zl_quota_settle(&quota, true), 5);
    assert_int_equal(zl_quota_settle(&quota, true), 0);
    assert_false(zl_quota_take(&quota));
    quota.until = zl_clock_now(); /* a second later */
    assert_false(zl_quota_take(&quota));
    assert_int_equal(zl_quota_settle(&quota, false), 2);
    quota.until = zl_clock_now();
    assert_true(zl_quota_take(&quota));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_a_megabyte_and_counts_the_rest),
                                       cmocka_unit_test(counts_what_it_holds_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
