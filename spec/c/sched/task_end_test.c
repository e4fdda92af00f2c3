/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/sched/task: which tasks are left at rest, which finish first, and how a
 * task ends. */
#include "spec/c/sched/task_support.h"

/* --- at rest, and finishing ------------------------------------------------------------------ */

static void tasks_at_rest_stay_where_they_are_until_all_go_on(void **state)
{
    (void)state;
    begin("note 'idle'");
    has_something = begin("note 'has something in hand'");
    assert_ptr_equal(zl_group_unfinished(&tasks.group), has_something);
    only_finishing = true;
    run_ready(&tasks);
    assert_heard("has something in hand done ");
    assert_null(zl_group_unfinished(&tasks.group));
    only_finishing = false;
    zl_group_wake_resting(&tasks.group);
    run_ready(&tasks);
    assert_heard("idle done ");
}

static void those_at_rest_that_get_something_to_finish_go_on_alone(void **state)
{
    (void)state;
    begin("note 'idle'");
    struct zl_task *task = begin("note 'gets something'");
    only_finishing = true;
    run_ready(&tasks);
    has_something = task;
    zl_group_wake_finishing(&tasks.group);
    run_ready(&tasks);
    assert_heard("gets something done ");
}

static void one_that_was_woken_and_left_at_rest_still_learns_why(void **state)
{
    (void)state;
    begin("note('woken: ' .. why[wait()])");
    run_ready(&tasks);
    only_finishing = true;
    wake_first(ZL_WAKE_TIMEOUT);
    run_ready(&tasks);
    only_finishing = false;
    zl_group_wake_resting(&tasks.group);
    run_ready(&tasks);
    assert_heard("woken: timeout done ");
}

static void children_of_a_finishing_task_finish_as_well(void **state)
{
    (void)state;
    struct zl_task *parent = begin("wait()");
    parent->finishing = true;
    sched.current = parent;
    struct zl_task *child = launch(&tasks, "wait()");
    sched.current = &outside;
    assert_heard("spawned-by-a-task ");
    assert_true(child->finishing);
    assert_false(zl_task_at_rest(child));
}

static void what_keeps_a_task_busy_ends_with_its_next_wait(void **state)
{
    (void)state;
    struct zl_task *task = begin("wait()");
    task->is_busy = true;
    assert_false(zl_task_at_rest(task));
    run_ready(&tasks);
    assert_true(zl_task_at_rest(task));
}

/* --- the end --------------------------------------------------------------------------------- */

static void an_error_is_reported_before_the_task_ends_and_the_others_go_on(void **state)
{
    (void)state;
    struct zl_task *task = spawn(&tasks, "error('boom', 0)");
    begin("note 'other'");
    run_ready(&tasks);
    assert_heard("boom over other done ");
    assert_int_equal(task->status, ZL_TASK_FAILED);
    assert_string_equal(lua_tostring(task->co, -1), "boom");
    zl_task_disown(task);
}

static void a_yield_that_is_no_wait_fails(void **state)
{
    (void)state;
    begin("coroutine.yield()");
    run_ready(&tasks);
    assert_heard("attempt to yield from outside a coroutine over ");
}

static void dropping_a_group_ends_all_its_tasks_wherever_they_are(void **state)
{
    (void)state;
    begin("wait(60000) note 'unreachable'");
    run_ready(&tasks);
    begin("note 'unreachable'");
    only_finishing = true;
    run_ready(&tasks);
    begin("note 'unreachable'");
    assert_int_equal(tasks.group.live, 3);
    zl_task_drop_all(&tasks.group);
    assert_heard("over over over ");
    assert_int_equal(tasks.group.live, 0);
    assert_true(TAILQ_EMPTY(&queue));
    assert_true(TAILQ_EMPTY(&tasks.group.ready));
    assert_true(TAILQ_EMPTY(&tasks.group.resting));
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(tasks_at_rest_stay_where_they_are_until_all_go_on),
        CASE(those_at_rest_that_get_something_to_finish_go_on_alone),
        CASE(one_that_was_woken_and_left_at_rest_still_learns_why),
        CASE(children_of_a_finishing_task_finish_as_well),
        CASE(what_keeps_a_task_busy_ends_with_its_next_wait),
        CASE(an_error_is_reported_before_the_task_ends_and_the_others_go_on),
        CASE(a_yield_that_is_no_wait_fails),
        CASE(dropping_a_group_ends_all_its_tasks_wherever_they_are),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
