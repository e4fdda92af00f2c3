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

struct world {
    uv_loop_t loop;
    uv_async_t interrupt;
    uv_timer_t far;
    struct zl_deadlines deadlines;
};

static void begin(struct world *world)
{
    uv_loop_init(&world->loop);
    uv_async_init(&world->loop, &world->interrupt, nothing);
    world->loop.data = &world->interrupt;
    uv_timer_init(&world->loop, &world->far);
    uv_timer_start(&world->far, never_called, LONG_MS, 0);
    zl_deadlines_init(&world->deadlines, &world->loop);
}

static void end(struct world *world)
{
    zl_deadlines_fini(&world->deadlines);
    uv_close((uv_handle_t *)&world->far, NULL);
    uv_close((uv_handle_t *)&world->interrupt, NULL);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(0, uv_loop_close(&world->loop));
}

static void wakes_the_loop_when_it_is_due_before_the_sleep(void **state)
{
    struct world world = {0};
    (void)state;
    begin(&world);
    uint64_t before = uv_hrtime();
    zl_deadlines_set(&world.deadlines, ZL_DUE_RESTART, SHORT_MS / 1e3);
    while (!zl_deadlines_is_due(&world.deadlines, ZL_DUE_RESTART))
        ;
    uv_sleep(2 * SHORT_MS);
    uv_run(&world.loop, UV_RUN_ONCE);
    assert_true(uv_hrtime() - before < (uint64_t)LONG_MS * 1000000 / 2);
    end(&world);
}

static void wakes_the_loop_when_it_is_due_during_the_sleep(void **state)
{
    struct world world = {0};
    (void)state;
    begin(&world);
    zl_deadlines_set(&world.deadlines, ZL_DUE_RESTART, 20 * SHORT_MS / 1e3);
    uv_run(&world.loop, UV_RUN_ONCE);
    assert_true(zl_deadlines_is_due(&world.deadlines, ZL_DUE_RESTART));
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wakes_the_loop_when_it_is_due_before_the_sleep),
        cmocka_unit_test(wakes_the_loop_when_it_is_due_during_the_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
