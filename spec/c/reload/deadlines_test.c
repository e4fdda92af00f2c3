/* SPDX-License-Identifier: MIT */
/* What is due wakes the loop, also when it is due before the loop begins to sleep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/reload/deadlines.h"

enum { SHORT_MS = 1, LONG_MS = 60000 };

static void never_called(uv_timer_t *timer)
{
    (void)timer;
}

static void nothing(uv_async_t *async)
{
    (void)async;
}

struct arg {
    uv_loop_t loop;
    uv_async_t interrupt;
    uv_timer_t far;
    struct zl_deadlines deadlines;
};

static void begin(struct arg *arg)
{
    uv_loop_init(&arg->loop);
    uv_async_init(&arg->loop, &arg->interrupt, nothing);
    arg->loop.data = &arg->interrupt;
    uv_timer_init(&arg->loop, &arg->far);
    uv_timer_start(&arg->far, never_called, LONG_MS, 0);
    zl_deadlines_init(&arg->deadlines, &arg->loop);
}

static void end(struct arg *arg)
{
    zl_deadlines_fini(&arg->deadlines);
    uv_close((uv_handle_t *)&arg->far, NULL);
    uv_close((uv_handle_t *)&arg->interrupt, NULL);
    uv_run(&arg->loop, UV_RUN_DEFAULT);
    assert_int_equal(0, uv_loop_close(&arg->loop));
}

static void wakes_the_loop_when_it_is_due_before_the_sleep(void **state)
{
    struct arg arg = {0};
    (void)state;
    begin(&arg);
    uint64_t before = uv_hrtime();
    zl_deadlines_set(&arg.deadlines, ZL_DUE_RESTART, SHORT_MS / 1e3);
    while (!zl_deadlines_is_due(&arg.deadlines, ZL_DUE_RESTART))
        ;
    uv_sleep(2 * SHORT_MS);
    uv_run(&arg.loop, UV_RUN_ONCE);
    assert_true(uv_hrtime() - before < (uint64_t)LONG_MS * 1000000 / 2);
    end(&arg);
}

static void wakes_the_loop_when_it_is_due_during_the_sleep(void **state)
{
    struct arg arg = {0};
    (void)state;
    begin(&arg);
    zl_deadlines_set(&arg.deadlines, ZL_DUE_RESTART, 20 * SHORT_MS / 1e3);
    uv_run(&arg.loop, UV_RUN_ONCE);
    assert_true(zl_deadlines_is_due(&arg.deadlines, ZL_DUE_RESTART));
    end(&arg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wakes_the_loop_when_it_is_due_before_the_sleep),
        cmocka_unit_test(wakes_the_loop_when_it_is_due_during_the_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
