/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/sched/task: how a task is spawned, waits, is woken and joined. */
#include "spec/c/sched/task_support.h"

/* --- spawn ----------------------------------------------------------------------------------- */

static void spawned_tasks_run_later_in_the_order_of_the_calls(void **state)
{
    (void)state;
    struct zl_task *first = launch(&tasks, "note 'a'");
    launch(&tasks, "note 'b'");
    assert_heard("spawned-outside spawned-outside ");
    assert_int_equal(first->status, ZL_TASK_READY);
    assert_false(zl_task_has_begun(first));
    assert_int_equal(tasks.group.live, 2);
    run_ready(&tasks);
    assert_heard("a done b done ");
    assert_int_equal(tasks.group.live, 0);
}

static void arguments_go_to_the_function(void **state)
{
    (void)state;
    lua_State *L = tasks.group.L;
    luaL_loadstring(L, "local a, b, c = ... note(a .. tostring(b) .. c)");
    lua_pushliteral(L, "x");
    lua_pushnil(L);
    lua_pushliteral(L, "y");
    zl_task_disown(zl_task_spawn(&tasks.group, L, 3));
    assert_int_equal(lua_gettop(L), 0);
    run_ready(&tasks);
    assert_heard("spawned-outside xnily done ");
}

static void the_first_task_of_a_group_runs_out_of_turn(void **state)
{
    (void)state;
    begin("note 'waits for its turn'");
    struct zl_task *first = begin("note 'at once' wait()");
    zl_task_run_first(first);
    assert_heard("at once ");
    assert_int_equal(first->status, ZL_TASK_WAITING);
}

/* --- wait and wake --------------------------------------------------------------------------- */

static void a_woken_task_is_told_why_and_runs_behind_those_that_are_ready(void **state)
{
    (void)state;
    begin("note('woken: ' .. why[wait()])");
    run_ready(&tasks);
    assert_heard("");
    begin("note 'ready before'");
    wake_first(ZL_WAKE_STOPPING);
    assert_true(TAILQ_EMPTY(&queue));
    run_ready(&tasks);
    assert_heard("ready before done woken: stopping done ");
}

static void waiters_stand_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    begin("wait() note 'first'");
    begin("wait() note 'second'");
    begin("wait(nil, true) note 'let in front'");
    run_ready(&tasks);
    while (!TAILQ_EMPTY(&queue))
        wake_first(ZL_WAKE_READY);
    run_ready(&tasks);
    assert_heard("let in front done first done second done ");
}

static void a_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    begin("note('woken: ' .. why[wait(5)])");
    run_ready(&tasks);
    uint64_t before = zl_clock_now();
    run_next(&tasks);
    assert_true(zl_clock_now() - before >= 4 * ZL_MS);
    assert_heard("woken: timeout done ");
    assert_true(TAILQ_EMPTY(&queue));
}

static void the_deadline_of_a_wait_that_has_ended_wakes_nobody(void **state)
{
    (void)state;
    begin("wait(1) note 'woken' wait() note 'woken again'");
    run_ready(&tasks);
    wake_first(ZL_WAKE_READY);
    run_ready(&tasks);
    uv_sleep(5);
    uv_run(&tasks.uv, UV_RUN_NOWAIT);
    run_ready(&tasks);
    assert_heard("woken ");
}

static void a_task_is_woken_once_for_a_wait(void **state)
{
    (void)state;
    struct zl_task *task = begin("note('woken: ' .. why[wait()]) wait() note 'again'");
    run_ready(&tasks);
    zl_task_wake(task, ZL_WAKE_CANCELLED);
    zl_task_wake(task, ZL_WAKE_TIMEOUT);
    run_ready(&tasks);
    assert_heard("woken: cancelled ");
}

static void a_wait_can_be_taken_back(void **state)
{
    (void)state;
    begin("note(tostring(wait_in_vain())) pause() note 'goes on'");
    run_ready(&tasks);
    assert_heard("true goes on done ");
}

static void one_that_pauses_lets_all_that_are_ready_run(void **state)
{
    (void)state;
    begin("note 'a1' pause() note 'a2'");
    begin("note 'b1' pause() note 'b2'");
    run_ready(&tasks);
    assert_heard("a1 b1 a2 done b2 done ");
}

static void the_line_of_a_waiting_task_is_where_it_waits(void **state)
{
    (void)state;
    char line[64];
    struct zl_task *task = begin("local x = 1\n\nwait()");
    run_ready(&tasks);
    assert_true(zl_task_has_begun(task));
    zl_task_line(task, line, sizeof line);
    assert_string_equal(line, "test:3");
}

/* --- join ------------------------------------------------------------------------------------ */

static void joiners_are_woken_in_order_and_the_results_are_kept(void **state)
{
    (void)state;
    struct zl_task *task = spawn(&tasks, "wait() return 'result', nil");
    lua_pushlightuserdata(tasks.group.L, task);
    lua_setglobal(tasks.group.L, "task");
    begin("join(task) note 'first'");
    begin("join(task) note 'second'");
    run_ready(&tasks);
    assert_heard("");
    wake_first(ZL_WAKE_READY);
    run_ready(&tasks);
    assert_heard("done first done second done ");
    assert_int_equal(task->status, ZL_TASK_DONE);
    assert_int_equal(lua_gettop(task->co), 2);
    assert_string_equal(lua_tostring(task->co, 1), "result");
    zl_task_disown(task);
}

static void a_task_that_left_nothing_keeps_no_coroutine(void **state)
{
    (void)state;
    struct zl_task *task = spawn(&tasks, "local x");
    run_ready(&tasks);
    assert_int_equal(task->status, ZL_TASK_DONE);
    assert_null(task->co);
    zl_task_disown(task);
}

static void who_joins_a_task_that_finishes_is_to_finish_too(void **state)
{
    (void)state;
    struct zl_task *task = begin("wait()");
    lua_pushlightuserdata(tasks.group.L, task);
    lua_setglobal(tasks.group.L, "task");
    begin("join(task) note 'joined'");
    run_ready(&tasks);
    task->finishing = only_finishing = true;
    wake_first(ZL_WAKE_READY);
    run_ready(&tasks);
    assert_heard("done joined done ");
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(spawned_tasks_run_later_in_the_order_of_the_calls),
        CASE(arguments_go_to_the_function),
        CASE(the_first_task_of_a_group_runs_out_of_turn),
        CASE(a_woken_task_is_told_why_and_runs_behind_those_that_are_ready),
        CASE(waiters_stand_in_the_order_in_which_they_came),
        CASE(a_wait_ends_at_its_deadline),
        CASE(the_deadline_of_a_wait_that_has_ended_wakes_nobody),
        CASE(a_task_is_woken_once_for_a_wait),
        CASE(a_wait_can_be_taken_back),
        CASE(one_that_pauses_lets_all_that_are_ready_run),
        CASE(the_line_of_a_waiting_task_is_where_it_waits),
        CASE(joiners_are_woken_in_order_and_the_results_are_kept),
        CASE(a_task_that_left_nothing_keeps_no_coroutine),
        CASE(who_joins_a_task_that_finishes_is_to_finish_too),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
