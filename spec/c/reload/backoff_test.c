/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/restart: the pauses between failures at given times, and when it gives up.
 */
#include "runtime/reload/backoff.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { START = 1000 /* seconds on the clock */ };

/* The pause after a failure at this second. */
static double fail_at(struct zl_backoff *restart, double seconds, enum zl_progress progress)
{
    return zl_backoff_delay(restart, (uint64_t)((START + seconds) * 1e9), progress);
}

static void assert_near(double got, double wanted)
{
    assert_true(fabs(got - wanted) < 1e-9);
}

static void pauses_grow_by_half(void **state)
{
    (void)state;
    struct zl_backoff restart = {.count = 0};
    double wanted = 0.1;
    for (int i = 0; i < ZL_BACKOFF_MOST; i++, wanted *= 1.5)
        assert_near(fail_at(&restart, i, ZL_NO_PROGRESS), wanted);
}

static void gives_up_at_more_than_five_in_thirty_seconds(void **state)
{
    (void)state;
    struct zl_backoff restart = {.count = 0};
    for (int i = 0; i < ZL_BACKOFF_MOST; i++)
        assert_true(fail_at(&restart, i, ZL_NO_PROGRESS) > 0);
    assert_true(fail_at(&restart, ZL_BACKOFF_WITHIN, ZL_NO_PROGRESS) < 0);
    assert_true(fail_at(&restart, ZL_BACKOFF_WITHIN + 0.5, ZL_NO_PROGRESS) < 0);
}

static void goes_on_when_they_are_further_apart(void **state)
{
    (void)state;
    struct zl_backoff restart = {.count = 0};
    const double apart = 6.5;
    for (int i = 0; i < 1000; i++)
        assert_true(fail_at(&restart, i * apart, ZL_NO_PROGRESS) > 0);
}

static void waits_fifteen_seconds_at_most(void **state)
{
    (void)state;
    struct zl_backoff restart = {.count = 0};
    double delay = 0;
    for (int i = 0; i < 30; i++) {
        double next = fail_at(&restart, i * 20.0, ZL_NO_PROGRESS);
        assert_true(next >= delay && next <= 15);
        delay = next;
    }
    assert_near(delay, 15);
}

static void begins_anew_after_a_message_was_handled(void **state)
{
    (void)state;
    struct zl_backoff restart = {.count = 0};
    for (int i = 0; i < 100; i++)
        assert_near(fail_at(&restart, i * 0.001, ZL_PROGRESS), 0.1);
    for (int i = 0; i < ZL_BACKOFF_MOST - 1; i++)
        assert_true(fail_at(&restart, 1, ZL_NO_PROGRESS) > 0);
    assert_true(fail_at(&restart, 1, ZL_NO_PROGRESS) < 0);
}

static void begins_anew_after_a_time_without_failures(void **state)
{
    (void)state;
    struct zl_backoff restart = {.count = 0};
    for (int i = 0; i < ZL_BACKOFF_MOST; i++)
        fail_at(&restart, i, ZL_NO_PROGRESS);
    assert_near(fail_at(&restart, ZL_BACKOFF_MOST + ZL_BACKOFF_WITHIN + 1, ZL_NO_PROGRESS), 0.1);
}

static void does_not_count_the_tries_of_a_message(void **state)
{
    (void)state;
    struct zl_backoff restart = {.count = 0};
    double delay = 0;
    for (int i = 0; i < 100; i++) {
        double next = fail_at(&restart, i * 0.1, ZL_TRY_USED);
        assert_true(next >= delay && next <= 15);
        delay = next;
    }
    assert_near(delay, 15);
    for (int i = 0; i < ZL_BACKOFF_MOST; i++)
        assert_true(fail_at(&restart, 10, ZL_NO_PROGRESS) > 0);
    assert_true(fail_at(&restart, 10, ZL_NO_PROGRESS) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_grow_by_half),
        cmocka_unit_test(gives_up_at_more_than_five_in_thirty_seconds),
        cmocka_unit_test(goes_on_when_they_are_further_apart),
        cmocka_unit_test(waits_fifteen_seconds_at_most),
        cmocka_unit_test(begins_anew_after_a_message_was_handled),
        cmocka_unit_test(begins_anew_after_a_time_without_failures),
        cmocka_unit_test(does_not_count_the_tries_of_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
