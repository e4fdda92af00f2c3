/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/socket/delivery: what a task has in hand is acknowledged, inherited by the
 * tasks that it spawns, and, when a task fails, delivered again or set aside. */
#include "spec/c/hub.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define HERE "inproc://work"

static struct zl_socket *pull, *push;
static char path[] = "/tmp/zlrun-letters-XXXXXX";

static int setup(void **state)
{
    hub_open(state);
    hub.redelivery.keeps = true;
    hub.redelivery.most = 1;
    pull = bind_to(open_socket(ZL_PULL), HERE);
    push = connect_to(open_socket(ZL_PUSH), HERE);
    return 0;
}

static void put(const char *text)
{
    assert_int_equal(send_text(push, text), 0);
}

/* A new task that has received the message, and fails when it ends. */
static struct zl_task *fragile_with(const char *text)
{
    struct zl_task *task = act_as_new("error('boom', 0)");
    assert_receives(pull, text);
    return task;
}

/* A new task finds nothing, neither delivered again nor new. */
static void assert_nothing_left(void)
{
    end_of(act_as_new(""));
    struct zl_task *task = act_as_new("");
    assert_receives_none(pull, ZL_AGAIN);
    end_of(task);
}

/* --- handled --------------------------------------------------------------------------------- */

static void a_message_is_handled_when_its_task_receives_again(void **state)
{
    (void)state;
    put("a");
    put("b");
    struct zl_task *task = fragile_with("a");
    assert_int_equal(hub.redelivery.handled, 0);
    assert_receives(pull, "b");
    assert_int_equal(hub.redelivery.handled, 1);
    end_of(task);
    act_as_new("");
    assert_receives(pull, "b");
    assert_nothing_left();
}

static void a_message_is_handled_when_its_task_finds_no_other(void **state)
{
    (void)state;
    put("a");
    struct zl_task *task = fragile_with("a");
    assert_receives_none(pull, ZL_AGAIN);
    assert_int_equal(hub.redelivery.handled, 1);
    end_of(task);
    assert_nothing_left();
}

static void a_message_is_handled_when_its_task_ends(void **state)
{
    (void)state;
    put("a");
    struct zl_task *task = act_as_new("");
    assert_receives(pull, "a");
    end_of(task);
    assert_int_equal(hub.redelivery.handled, 1);
    assert_nothing_left();
}

static void nothing_is_kept_while_nobody_could_be_given_it(void **state)
{
    (void)state;
    hub.redelivery.keeps = false;
    put("a");
    end_of(fragile_with("a"));
    assert_nothing_left();
    assert_string_equal(logged, "");
}

/* --- inherited ------------------------------------------------------------------------------- */

static void what_a_parent_has_in_hand_is_delivered_again_when_its_child_fails(void **state)
{
    (void)state;
    put("a");
    struct zl_task *parent = act_as_new("");
    assert_receives(pull, "a");
    struct zl_task *child = act_as_child("error('boom', 0)");
    act_as(parent);
    assert_receives_none(pull, ZL_AGAIN); /* for its parent, it is handled */
    end_of(child);
    act_as_new("");
    assert_receives(pull, "a");
    assert_nothing_left();
}

static void it_is_handled_once_parent_and_child_are_done_with_it(void **state)
{
    (void)state;
    put("a");
    struct zl_task *parent = act_as_new("");
    assert_receives(pull, "a");
    struct zl_task *child = act_as_child("");
    end_of(parent);
    assert_int_equal(hub.redelivery.handled, 0);
    end_of(child);
    assert_int_equal(hub.redelivery.handled, 1);
}

static void a_child_keeps_what_it_inherited_when_it_receives_more(void **state)
{
    (void)state;
    put("a");
    put("b");
    struct zl_task *parent = act_as_new("");
    assert_receives(pull, "a");
    struct zl_task *child = act_as_child("error('boom', 0)");
    end_of(parent);
    act_as(child);
    assert_receives(pull, "b");
    end_of(child);
    act_as_new("");
    for (int i = 0; i < 2; i++)
        note(receive_text(pull));
    assert_true(strcmp(heard, "a b ") == 0 || strcmp(heard, "b a ") == 0);
    assert_nothing_left();
}

static void it_is_delivered_again_once_when_both_fail(void **state)
{
    (void)state;
    hub.redelivery.most = 5;
    put("a");
    struct zl_task *parent = fragile_with("a");
    struct zl_task *child = act_as_child("error('boom', 0)");
    end_of(child);
    end_of(parent);
    act_as_new("");
    assert_receives(pull, "a");
    assert_nothing_left();
}

/* --- failed ---------------------------------------------------------------------------------- */

static void messages_of_failed_tasks_come_before_newer_ones_in_order(void **state)
{
    (void)state;
    put("a|1");
    put("b|2");
    put("c|3");
    struct zl_task *first = fragile_with("a|1");
    struct zl_task *second = fragile_with("b|2");
    end_of(first);
    end_of(second);
    assert_logged("message in hand when the generation failed; it is given again");
    act_as_new("");
    assert_receives(pull, "a|1");
    assert_receives(pull, "b|2");
    assert_receives(pull, "c|3");
}

static void a_message_is_delivered_again_as_often_as_asked_and_then_lost(void **state)
{
    (void)state;
    hub.redelivery.most = 2;
    put("bad");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hub.redelivery.given_up, 0);
        end_of(fragile_with("bad"));
    }
    assert_int_equal(hub.redelivery.given_up, 1);
    assert_logged("message in hand lost");
    assert_nothing_left();
}

static void only_the_task_that_is_to_blame_uses_up_tries(void **state)
{
    (void)state;
    put("innocent");
    for (int i = 0; i < 10; i++) {
        struct zl_task *task = act_as_new("");
        assert_receives(pull, "innocent");
        zl_delivery_reject(task, false);
        end_of(task);
    }
    end_of(fragile_with("innocent"));
    end_of(fragile_with("innocent")); /* the second try that it is blamed for */
    assert_int_equal(hub.redelivery.given_up, 1);
    assert_nothing_left();
}

static void on_probation_the_code_is_to_blame(void **state)
{
    (void)state;
    hub.redelivery.most = 0;
    hub.redelivery.on_probation = true;
    put("a");
    for (int i = 0; i < 10; i++)
        end_of(fragile_with("a"));
    hub.redelivery.on_probation = false;
    end_of(fragile_with("a"));
    assert_int_equal(hub.redelivery.given_up, 1);
}

static void a_stopping_process_delivers_nothing_again(void **state)
{
    (void)state;
    put("a");
    struct zl_task *task = fragile_with("a");
    hub.sched.phase = ZL_DRAINING;
    end_of(task);
    hub.sched.phase = ZL_RUNNING;
    assert_int_equal(hub.redelivery.given_up, 1);
    assert_nothing_left();
}

static void what_a_closing_socket_was_to_deliver_again_is_lost_and_logged(void **state)
{
    (void)state;
    put("a");
    end_of(fragile_with("a"));
    assert_int_equal(hub.redelivery.given_up, 0);
    zl_sockets_close(pull);
    assert_int_equal(hub.redelivery.given_up, 1);
    assert_logged("message in hand lost");
}

/* --- dead letters ---------------------------------------------------------------------------- */

static void open_dead_letters(void)
{
    char why[ZL_WHY_MAX];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    if (!zl_deadletter_open(&hub.redelivery.dead_letter, path, why))
        fail_msg("%s", why);
    hub.redelivery.keeps_dead = true;
}

/* The file holds these bytes; it is removed. */
static void assert_dead_letters(const char *wanted, size_t size)
{
    char found[256];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = read(fd, found, sizeof found);
    close(fd);
    unlink(path);
    memcpy(path + strlen(path) - 6, "XXXXXX", 6);
    assert_int_equal(got, (ssize_t)size);
    assert_memory_equal(found, wanted, size);
}

static void a_message_that_is_not_delivered_again_becomes_a_dead_letter_whole(void **state)
{
    (void)state;
    static const char letter[] = "\0\0\0\3\0\0\0\3bad\0\0\0\0\0\0\0\4rest";
    open_dead_letters();
    hub.redelivery.most = 0;
    put("bad||rest");
    end_of(fragile_with("bad||rest"));
    assert_logged("message in hand set aside to the dead letters");
    assert_nothing_left();
    assert_dead_letters(letter, sizeof letter - 1);
}

static void dead_letters_that_cannot_be_written_are_logged_as_lost(void **state)
{
    (void)state;
    hub.redelivery.keeps_dead = true; /* with no file */
    hub.redelivery.most = 0;
    put("bad");
    end_of(fragile_with("bad"));
    assert_logged("message in hand lost: the dead letters cannot be written");
}

/* --- requests -------------------------------------------------------------------------------- */

static void an_unanswered_request_is_delivered_again_and_an_answered_one_is_not(void **state)
{
    (void)state;
    struct zl_socket *reply = bind_to(open_socket(ZL_REPLY), "inproc://ask");
    struct zl_socket *request = connect_to(open_socket(ZL_REQUEST), "inproc://ask");
    struct zl_task *client = act_as_new("");
    send_text(request, "one");
    struct zl_task *task = act_as_new("error('boom', 0)");
    assert_receives(reply, "one");
    end_of(task);
    task = act_as_new("error('boom', 0)");
    assert_receives(reply, "one");
    assert_int_equal(send_text(reply, "re one"), 0);
    end_of(task);
    act_as(client);
    assert_receives(request, "re one");
    act_as_new("");
    assert_receives_none(reply, ZL_AGAIN);
}

/* --- read ahead ------------------------------------------------------------------------------ */

static void messages_that_were_read_ahead_are_received_in_order(void **state)
{
    (void)state;
    put("a");
    put("b|2");
    put("c");
    assert_true(zl_ffi_read_ahead(pull) > 0);
    assert_true(zl_ffi_read_ahead(pull) > 0);
    pull->waitqs[ZL_IN].slow_path = true; /* as while the process stops */
    act_as_new("");
    assert_receives(pull, "a");
    assert_receives(pull, "b|2");
    assert_receives(pull, "c");
    act_as(&outside.task);
    assert_int_equal(ZL_AGAIN, zl_ffi_read_ahead(pull));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, hub_close)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_message_is_handled_when_its_task_receives_again),
        CASE(a_message_is_handled_when_its_task_finds_no_other),
        CASE(a_message_is_handled_when_its_task_ends),
        CASE(nothing_is_kept_while_nobody_could_be_given_it),
        CASE(what_a_parent_has_in_hand_is_delivered_again_when_its_child_fails),
        CASE(it_is_handled_once_parent_and_child_are_done_with_it),
        CASE(a_child_keeps_what_it_inherited_when_it_receives_more),
        CASE(it_is_delivered_again_once_when_both_fail),
        CASE(messages_of_failed_tasks_come_before_newer_ones_in_order),
        CASE(a_message_is_delivered_again_as_often_as_asked_and_then_lost),
        CASE(only_the_task_that_is_to_blame_uses_up_tries),
        CASE(on_probation_the_code_is_to_blame),
        CASE(a_stopping_process_delivers_nothing_again),
        CASE(what_a_closing_socket_was_to_deliver_again_is_lost_and_logged),
        CASE(a_message_that_is_not_delivered_again_becomes_a_dead_letter_whole),
        CASE(dead_letters_that_cannot_be_written_are_logged_as_lost),
        CASE(an_unanswered_request_is_delivered_again_and_an_answered_one_is_not),
        CASE(messages_that_were_read_ahead_are_received_in_order),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
