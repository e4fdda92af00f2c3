/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/socket/waitq, and of the turns that runtime/socket/admission gives: who
 * waits for a socket, in which order, and which sockets are asked before the loop sleeps. */
#include "spec/c/hub.h"

static struct zl_socket *pull, *push;

/* What a receiver does, see lua/zeroless/receiver.lua. */
static const char receiver[] = "function receive(milliseconds)\n"
                               "  local message = try()\n"
                               "  while not message do\n"
                               "    if await(milliseconds) == TIMEOUT then return 'timeout' end\n"
                               "    message = try()\n"
                               "  end\n"
                               "  return message\n"
                               "end\n";

static int lua_try(lua_State *L)
{
    lua_pushstring(L, receive_text(pull));
    return 1;
}

static int lua_await(lua_State *L)
{
    uint64_t deadline = lua_isnoneornil(L, 1) ? 0 : zl_clock_in_ms((uint64_t)lua_tointeger(L, 1));
    zl_waitq_wait(pull, ZL_IN, deadline);
    return lua_yield(L, 0);
}

static int lua_note(lua_State *L)
{
    note(lua_tostring(L, 1));
    return 0;
}

static int setup(void **state)
{
    hub_open(state);
    pull = bind_to(open_socket(ZL_PULL), "inproc://waitq");
    push = connect_to(open_socket(ZL_PUSH), "inproc://waitq");
    give_turns(); /* nobody waits yet: the news of the connection wakes nobody */
    lua_register(tasks.group.L, "try", lua_try);
    lua_register(tasks.group.L, "await", lua_await);
    lua_register(tasks.group.L, "note", lua_note);
    lua_pushinteger(tasks.group.L, ZL_WAKE_TIMEOUT);
    lua_setglobal(tasks.group.L, "TIMEOUT");
    assert_int_equal(luaL_dostring(tasks.group.L, receiver), 0);
    return 0;
}

static void assert_heard(const char *wanted)
{
    assert_string_equal(heard, wanted);
    heard[0] = '\0';
}

/* Runs tasks and gives turns until nothing comes of it. */
static void run_all(void)
{
    do {
        run_ready(&tasks);
        give_turns();
    } while (!TAILQ_EMPTY(&tasks.group.ready));
}

static void waiters_get_messages_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    launch(&tasks, "note('first:' .. receive())");
    launch(&tasks, "note('second:' .. receive())");
    launch(&tasks, "note('third:' .. receive())");
    run_all();
    assert_heard("");
    send_text(push, "a");
    send_text(push, "b");
    send_text(push, "c");
    run_all();
    assert_heard("first:a second:b third:c ");
}

static void one_that_comes_later_does_not_overtake_a_waiter(void **state)
{
    (void)state;
    launch(&tasks, "note('waiter:' .. receive())");
    run_all();
    send_text(push, "message");
    launch(&tasks, "note('late:' .. tostring(try()))");
    run_all();
    assert_heard("late:nil waiter:message ");
}

static void one_at_a_time_has_the_turn(void **state)
{
    (void)state;
    launch(&tasks, "note(receive())");
    launch(&tasks, "note(receive())");
    run_all();
    send_text(push, "a");
    send_text(push, "b");
    give_turns();
    struct zl_task *turn = TAILQ_FIRST(&tasks.group.ready);
    assert_ptr_equal(pull->waitqs[ZL_IN].baton, turn);
    assert_null(TAILQ_NEXT(turn, link));
    run_all();
    assert_heard("a b ");
}

static void who_finds_nothing_in_its_turn_waits_in_front_again(void **state)
{
    (void)state;
    launch(&tasks, "note('first:' .. receive())");
    launch(&tasks, "note('second:' .. receive())");
    run_all();
    send_text(push, "taken by another");
    give_turns(); /* the first has it */
    act_as(&outside.task);
    zmq_msg_t message;
    zmq_msg_init(&message);
    assert_true(zmq_msg_recv(&message, pull->zmq, ZMQ_DONTWAIT) > 0);
    zmq_msg_close(&message);
    run_all();
    send_text(push, "a");
    send_text(push, "b");
    run_all();
    assert_heard("first:a second:b ");
}

static void a_turn_that_is_not_used_goes_to_the_next(void **state)
{
    (void)state;
    launch(&tasks, "note('first:' .. receive())");
    launch(&tasks, "note('second:' .. receive())");
    run_all();
    send_text(push, "message");
    zl_waitq_mark_dirty(pull);
    zl_admission_poll_dirty(&hub); /* it was asked: its descriptor is silent now */
    struct zl_task *first = TAILQ_FIRST(&tasks.group.ready);
    TAILQ_REMOVE(&tasks.group.ready, first, link);
    zl_waitq_pass_baton(first); /* as the loop does with one that is to stay at rest */
    zl_task_rest(first);
    run_all();
    assert_heard("second:message ");
}

static void a_task_that_ends_in_its_turn_passes_it_on(void **state)
{
    (void)state;
    launch(&tasks, "await() note 'ends'");
    launch(&tasks, "note('next:' .. receive())");
    run_all();
    send_text(push, "message");
    run_all();
    assert_heard("ends next:message ");
}

static void a_waiter_gives_up_at_its_deadline_and_is_given_no_turn(void **state)
{
    (void)state;
    launch(&tasks, "note(receive(5))");
    launch(&tasks, "note('patient:' .. receive())");
    run_all();
    run_next(&tasks);
    assert_heard("timeout ");
    send_text(push, "message");
    run_all();
    assert_heard("patient:message ");
}

static void all_waiters_can_be_woken(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        launch(&tasks, "note('woken:' .. await())");
    run_all();
    zl_waitq_wake_all(&pull->waitqs[ZL_IN], ZL_WAKE_READY);
    assert_true(TAILQ_EMPTY(&pull->waitqs[ZL_IN].waiters));
    assert_heard("");
    run_ready(&tasks);
    assert_heard("woken:0 woken:0 woken:0 ");
}

static void closing_the_socket_wakes_who_waits_for_it(void **state)
{
    (void)state;
    launch(&tasks, "note('woken:' .. await()) note(tostring(try()))");
    run_all();
    zl_sockets_close(pull);
    run_ready(&tasks);
    assert_heard("woken:0 nil ");
    assert_int_equal(received_code, ZL_CLOSED);
}

static void a_socket_is_listed_once_until_it_was_asked(void **state)
{
    (void)state;
    zl_admission_poll_dirty(&hub);
    assert_true(TAILQ_EMPTY(&hub.dirty));
    zl_waitq_mark_dirty(pull);
    zl_waitq_mark_dirty(push);
    zl_waitq_mark_dirty(pull);
    assert_ptr_equal(TAILQ_FIRST(&hub.dirty), pull);
    assert_ptr_equal(TAILQ_NEXT(pull, dirty), push);
    assert_null(TAILQ_NEXT(push, dirty));
    zl_admission_poll_dirty(&hub);
    assert_true(TAILQ_EMPTY(&hub.dirty));
}

static void a_socket_that_has_no_news_need_not_be_asked(void **state)
{
    (void)state;
    zl_waitq_mark_dirty(pull);
    zl_waitq_clear_dirty(pull);
    assert_false(pull->is_dirty);
    connect_to(push, "inproc://elsewhere"); /* on a second route, which was not asked */
    zl_waitq_mark_dirty(push);
    zl_waitq_clear_dirty(push);
    assert_true(push->is_dirty);
}

static void a_socket_that_was_used_is_asked_before_the_sleep(void **state)
{
    (void)state;
    zl_admission_poll_dirty(&hub);
    send_text(push, "message");
    assert_true(push->is_dirty);
    assert_receives(pull, "message");
    assert_true(pull->is_dirty);
    assert_receives_none(pull, ZL_AGAIN); /* libzmq has worked off all that it knew */
    assert_false(pull->is_dirty);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, hub_close)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(waiters_get_messages_in_the_order_in_which_they_came),
        CASE(one_that_comes_later_does_not_overtake_a_waiter),
        CASE(one_at_a_time_has_the_turn),
        CASE(who_finds_nothing_in_its_turn_waits_in_front_again),
        CASE(a_turn_that_is_not_used_goes_to_the_next),
        CASE(a_task_that_ends_in_its_turn_passes_it_on),
        CASE(a_waiter_gives_up_at_its_deadline_and_is_given_no_turn),
        CASE(all_waiters_can_be_woken),
        CASE(closing_the_socket_wakes_who_waits_for_it),
        CASE(a_socket_is_listed_once_until_it_was_asked),
        CASE(a_socket_that_has_no_news_need_not_be_asked),
        CASE(a_socket_that_was_used_is_asked_before_the_sleep),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
