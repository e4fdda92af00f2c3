/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/sched/task: how a task is spawned, waits, is woken, joined, left at rest
 * and ended. What the layers above know of tasks is played by the test. */
#include "spec/c/tasks.h"

#include "runtime/base/clock.h"

static struct zl_sched sched;
static struct zl_task outside;
static struct tasks tasks;
static struct zl_task_list queue;
static const struct zl_task *has_something; /* the task that has something in hand */
static bool only_finishing;                 /* the others are left at rest */

/* --- what the tasks of the tests can do ------------------------------------------------------ */

static int lua_note(lua_State *L)
{
    note(lua_tostring(L, 1));
    return 0;
}

/* wait(milliseconds or nil, front): until it is woken in `queue`; returns a key of `why`. */
static int lua_wait(lua_State *L)
{
    uint64_t deadline = lua_isnoneornil(L, 1) ? 0 : zl_clock_in_ms((uint64_t)lua_tointeger(L, 1));
    zl_task_wait(sched.current, &queue, lua_toboolean(L, 2), deadline);
    return lua_yield(L, 0);
}

/* A wait that turns out to be impossible. */
static int lua_wait_in_vain(lua_State *L)
{
    zl_task_wait(sched.current, &queue, false, zl_clock_in_ms(1));
    zl_task_unwait(sched.current);
    lua_pushboolean(L, TAILQ_EMPTY(&queue) && sched.current->status == ZL_TASK_RUNNING);
    return 1;
}

static int lua_pause(lua_State *L)
{
    zl_task_pause(sched.current);
    return lua_yield(L, 0);
}

static int lua_join(lua_State *L)
{
    struct zl_task *task = lua_touserdata(L, 1);
    zl_task_wait(sched.current, &task->joiners, false, 0);
    return lua_yield(L, 0);
}

/* --- what the layers above would say --------------------------------------------------------- */

static bool has_work(const struct zl_task *task)
{
    return task == has_something;
}

static bool may_run(const struct zl_task *task)
{
    return !only_finishing || !zl_task_at_rest(task);
}

static bool is_crowded(const struct zl_group *group)
{
    return group->live > 1;
}

static void spawned(struct zl_task *child, const struct zl_task *parent)
{
    (void)child;
    note(parent == &outside ? "spawned-outside" : "spawned-by-a-task");
}

static void ended(struct zl_task *task)
{
    if (task != &outside)
        note(task->status == ZL_TASK_DONE ? "done" : "over");
}

static void failed(struct zl_task *task, const char *message)
{
    note(message ? message : lua_tostring(task->co, -1));
}

static const struct zl_task_ops ops = {0, has_work, may_run, is_crowded, spawned, ended, failed};

/* The table `why`: what a wait ends with, in words. */
static void name_reasons(lua_State *L)
{
    static const char *const names[] = {[ZL_WAKE_READY] = "ready",
                                        [ZL_WAKE_TIMEOUT] = "timeout",
                                        [ZL_WAKE_STOPPING] = "stopping",
                                        [ZL_WAKE_CANCELLED] = "cancelled"};
    lua_newtable(L);
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        lua_pushstring(L, names[i]);
        lua_rawseti(L, -2, i);
    }
    lua_setglobal(L, "why");
}

static int setup(void **state)
{
    static const struct luaL_Reg functions[] = {{"note", lua_note},
                                                {"wait", lua_wait},
                                                {"pause", lua_pause},
                                                {"join", lua_join},
                                                {"wait_in_vain", lua_wait_in_vain},
                                                {NULL, NULL}};
    (void)state;
    memset(&sched, 0, sizeof sched);
    memset(&outside, 0, sizeof outside);
    memset(&tasks, 0, sizeof tasks);
    has_something = NULL;
    only_finishing = false;
    TAILQ_INIT(&queue);
    tasks_open(&tasks, &sched, &ops, &outside);
    for (const struct luaL_Reg *each = functions; each->name; each++)
        lua_register(tasks.group.L, each->name, each->func);
    name_reasons(tasks.group.L);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tasks_close(&tasks);
    return 0;
}

/* What was noted since the last call. */
static void assert_heard(const char *wanted)
{
    assert_string_equal(heard, wanted);
    heard[0] = '\0';
}

/* Spawns one whose results nobody asks for, and forgets that it was noted. */
static struct zl_task *begin(const char *text)
{
    struct zl_task *task = launch(&tasks, text);
    heard[0] = '\0';
    return task;
}

static void wake_first(enum zl_wake wake)
{
    zl_task_wake(TAILQ_FIRST(&queue), wake);
}

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

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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
