/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/socket/reqrep: the state of a request (open, tried again, given up), whose
 * request a reply answers, the envelope, and what is no part of a dialogue. */
#include "spec/c/hub.h"

#include "runtime/socket/reqrep.h"

#define HERE "inproc://dialogue"

static struct zl_socket *reply, *request;
static struct zl_task *server, *client;

/* --- a dialogue ------------------------------------------------------------------------------ */

/* A connected request, with these options, and its server. */
static void open_dialogue(double timeout, int retries)
{
    struct zl_options options = default_options();
    options.timeout = timeout;
    options.retries = retries;
    reply = bind_to(open_socket(ZL_REPLY), HERE);
    request = connect_to(open_with(ZL_REQUEST, &options), HERE);
    server = act_as_new("");
    client = act_as_new("");
}

static int32_t ask(const char *text)
{
    act_as(client);
    return send_text(request, text);
}

static int32_t answer(struct zl_task *task, const char *text)
{
    act_as(task);
    return send_text(reply, text);
}

static void assert_asked(struct zl_task *task, const char *text)
{
    act_as(task);
    assert_receives(reply, text);
}

static void assert_answered(const char *text)
{
    act_as(client);
    assert_receives(request, text);
}

/* Lets the time of the present try go by. */
static bool try_again(void)
{
    while (zl_clock_now() < request->request.deadline)
        uv_sleep(1);
    return zl_reqrep_retry(request);
}

/* --- one at a time --------------------------------------------------------------------------- */

static void a_request_is_open_until_its_reply_was_read(void **state)
{
    (void)state;
    open_dialogue(-1, 0);
    assert_int_equal(ask("one"), 0);
    assert_int_equal(ask("two"), ZL_UNANSWERED);
    assert_asked(server, "one");
    assert_int_equal(answer(server, "re one"), 0);
    assert_int_equal(ask("two"), ZL_UNANSWERED);
    assert_answered("re one");
    assert_int_equal(ask("two"), 0);
    assert_asked(server, "two");
}

static void no_reply_is_read_while_no_request_is_open(void **state)
{
    (void)state;
    open_dialogue(-1, 0);
    assert_receives_none(request, ZL_NOTHING_ASKED);
    ask("one");
    assert_receives_none(request, ZL_AGAIN);
    assert_asked(server, "one");
    answer(server, "re one");
    assert_answered("re one");
    assert_receives_none(request, ZL_NOTHING_ASKED);
}

static void a_request_waits_for_its_server(void **state)
{
    (void)state;
    request = connect_to(open_socket(ZL_REQUEST), HERE);
    client = act_as_new("");
    assert_int_equal(ask("too early"), ZL_AGAIN);
    assert_false(request->request.asked);
    reply = bind_to(open_socket(ZL_REPLY), HERE);
    server = act_as_new("");
    assert_int_equal(ask("in time"), 0);
    assert_asked(server, "in time");
}

/* --- time limits ----------------------------------------------------------------------------- */

static void a_try_lasts_until_its_deadline(void **state)
{
    (void)state;
    open_dialogue(60, 3);
    ask("one");
    assert_true(zl_reqrep_retry(request));
    assert_int_equal(request->request.tries, 1);
    assert_asked(server, "one");
    assert_receives_none(request, ZL_AGAIN);
}

static void it_is_sent_again_as_often_as_retries_says_and_then_given_up(void **state)
{
    (void)state;
    open_dialogue(0.002, 2);
    ask("id|one");
    assert_asked(server, "id|one");
    for (int i = 0; i < 2; i++) {
        assert_true(try_again());
        assert_asked(act_as_new(""), "id|one");
    }
    assert_false(try_again());
    act_as(client);
    assert_receives_none(request, ZL_NOTHING_ASKED);
    act_as_new("");
    assert_receives_none(reply, ZL_AGAIN);
}

static void the_reply_to_any_try_is_taken_once(void **state)
{
    (void)state;
    open_dialogue(0.002, 1);
    struct zl_task *second = act_as_new("");
    ask("one");
    assert_asked(server, "one");
    assert_true(try_again());
    assert_asked(second, "one");
    answer(second, "re one");
    answer(server, "re one, late");
    assert_answered("re one");
    assert_int_equal(ask("two"), 0);
    assert_asked(second, "two");
    answer(second, "re two");
    assert_answered("re two");
}

static void a_late_reply_to_one_that_was_given_up_answers_no_other(void **state)
{
    (void)state;
    open_dialogue(0.002, 0);
    ask("old");
    assert_asked(server, "old");
    assert_false(try_again());
    answer(server, "late");
    request->options.timeout = -1;
    assert_int_equal(ask("new"), 0);
    assert_receives_none(request, ZL_AGAIN);
    assert_asked(server, "new");
    answer(server, "re new");
    assert_answered("re new");
}

static void one_that_is_handed_over_may_be_asked_anew(void **state)
{
    (void)state;
    open_dialogue(-1, 0);
    ask("of the former owner");
    zl_reqrep_hand_over(&request->request);
    assert_true(zl_reqrep_is_over(request));
    assert_int_equal(ask("of the next"), 0);
    assert_false(zl_reqrep_is_over(request));
}

/* --- who asks, who answers ------------------------------------------------------------------- */

static void the_task_that_asks_is_known_until_it_has_its_reply_or_ends(void **state)
{
    (void)state;
    open_dialogue(-1, 0);
    assert_null(zl_reqrep_requester(&tasks.group));
    ask("one");
    assert_ptr_equal(zl_reqrep_requester(&tasks.group), client);
    assert_asked(server, "one");
    answer(server, "re one");
    assert_answered("re one");
    assert_null(zl_reqrep_requester(&tasks.group));
    ask("two");
    end_of(client);
    assert_null(zl_reqrep_requester(&tasks.group));
}

static void a_task_has_one_request_in_hand(void **state)
{
    (void)state;
    open_dialogue(-1, 0);
    assert_int_equal(answer(server, "to nothing"), ZL_NOTHING_ASKED);
    ask("one");
    assert_asked(server, "one");
    assert_true(zl_reqrep_owes(server));
    assert_receives_none(reply, ZL_UNANSWERED);
    act_as(client); /* another task may receive the next */
    assert_receives_none(reply, ZL_AGAIN);
    answer(server, "re one");
    assert_false(zl_reqrep_owes(server));
    assert_int_equal(answer(server, "again"), ZL_NOTHING_ASKED);
}

static void each_task_answers_who_has_asked_it(void **state)
{
    (void)state;
    open_dialogue(-1, 0);
    struct zl_socket *other = connect_to(open_socket(ZL_REQUEST), HERE);
    struct zl_task *second = act_as_new("");
    ask("mine");
    assert_asked(server, "mine");
    act_as(client);
    assert_int_equal(send_text(other, "theirs"), 0);
    assert_asked(second, "theirs");
    answer(second, "re theirs");
    act_as(client);
    assert_receives_none(request, ZL_AGAIN);
    assert_receives(other, "re theirs");
    answer(server, "re mine");
    assert_answered("re mine");
}

static void a_request_in_hand_can_go_to_another_task(void **state)
{
    (void)state;
    unsigned count = 0;
    open_dialogue(-1, 0);
    struct zl_task *second = act_as_new("");
    ask("one");
    assert_asked(server, "one");
    zmq_msg_t *envelope = zl_reqrep_take_envelope(server, reply, &count);
    assert_non_null(envelope);
    assert_null(zl_reqrep_take_envelope(server, reply, &count));
    assert_int_equal(answer(server, "no more"), ZL_NOTHING_ASKED);
    assert_true(zl_reqrep_give_envelope(second, reply, envelope, count));
    assert_int_equal(answer(second, "re one"), 0);
    assert_answered("re one");
}

static void a_task_that_ends_without_a_reply_is_warned_of(void **state)
{
    (void)state;
    open_dialogue(-1, 0);
    ask("one");
    assert_asked(server, "one");
    snprintf(zl_reqrep_line(reply)->source, ZL_SOURCE_MAX, "worker.lua");
    end_of(server);
    assert_logged("the task ended without a reply to this request");
}

/* --- the envelope, and strangers ------------------------------------------------------------- */

/* A DEALER that zlrun did not make, connected to HERE. */
static void *open_foreign(void)
{
    char why[ZL_WHY_MAX];
    void *foreign = zmq_socket(zl_context_get(why), ZMQ_DEALER);
    int none = 0;
    assert_non_null(foreign);
    zmq_setsockopt(foreign, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_connect(foreign, HERE), 0);
    return foreign;
}

static void send_raw(void *zmq, const void *data, size_t size, bool more)
{
    assert_int_equal(zmq_send(zmq, data, size, more ? ZMQ_SNDMORE : 0), (int)size);
}

/* The next frame has these bytes; whether it is the last. */
static bool assert_raw(void *zmq, const void *data, size_t size)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    assert_int_equal(zmq_msg_recv(&frame, zmq, ZMQ_DONTWAIT), (int)size);
    assert_memory_equal(zmq_msg_data(&frame), data, size);
    bool is_last = !zmq_msg_more(&frame);
    zmq_msg_close(&frame);
    return is_last;
}

static void a_reply_goes_back_behind_the_envelope_of_its_request(void **state)
{
    (void)state;
    reply = bind_to(open_socket(ZL_REPLY), HERE);
    server = act_as_new("");
    void *foreign = open_foreign();
    send_raw(foreign, "hop", 3, true);
    send_raw(foreign, "", 0, true);
    send_raw(foreign, "question", 8, false);
    assert_asked(server, "question");
    answer(server, "a|b");
    assert_false(assert_raw(foreign, "hop", 3));
    assert_false(assert_raw(foreign, "", 0));
    assert_false(assert_raw(foreign, "a", 1));
    assert_true(assert_raw(foreign, "b", 1));
    zmq_close(foreign);
}

static void a_request_without_an_envelope_is_refused_and_the_next_is_taken(void **state)
{
    (void)state;
    reply = bind_to(open_socket(ZL_REPLY), HERE);
    server = act_as_new("");
    void *foreign = open_foreign();
    send_raw(foreign, "no request", 10, false);
    send_raw(foreign, "", 0, true);
    send_raw(foreign, "question", 8, false);
    assert_asked(server, "question");
    assert_logged("refused a request without an envelope");
    zmq_close(foreign);
}

static void a_bound_request_takes_the_reply_that_has_its_id_alone(void **state)
{
    (void)state;
    request = bind_to(open_socket(ZL_REQUEST), HERE);
    client = act_as_new("");
    void *foreign = open_foreign();
    uint32_t stale = 0;
    assert_int_equal(ask("question"), 0);
    const uint32_t id = request->request.id;
    assert_false(assert_raw(foreign, &id, sizeof id));
    assert_false(assert_raw(foreign, "", 0));
    assert_true(assert_raw(foreign, "question", 8));
    for (int i = 0; i < 2; i++) {
        send_raw(foreign, i == 0 ? &stale : &id, sizeof id, true);
        send_raw(foreign, "", 0, true);
        send_raw(foreign, i == 0 ? "stale" : "reply", 5, false);
    }
    assert_answered("reply");
    zmq_close(foreign);
}

static void what_comes_without_a_request_is_dropped_and_reported(void **state)
{
    (void)state;
    request = bind_to(open_socket(ZL_REQUEST), HERE);
    client = act_as_new("");
    void *foreign = open_foreign();
    send_raw(foreign, "stray", 5, false);
    zl_reqrep_discard(request);
    assert_logged("request at " HERE " dropped a message: it answers no request that is open");
    assert_int_equal(ask("question"), 0);
    assert_receives_none(request, ZL_AGAIN);
    zmq_close(foreign);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, hub_open, hub_close)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_request_is_open_until_its_reply_was_read),
        CASE(no_reply_is_read_while_no_request_is_open),
        CASE(a_request_waits_for_its_server),
        CASE(a_try_lasts_until_its_deadline),
        CASE(it_is_sent_again_as_often_as_retries_says_and_then_given_up),
        CASE(the_reply_to_any_try_is_taken_once),
        CASE(a_late_reply_to_one_that_was_given_up_answers_no_other),
        CASE(one_that_is_handed_over_may_be_asked_anew),
        CASE(the_task_that_asks_is_known_until_it_has_its_reply_or_ends),
        CASE(a_task_has_one_request_in_hand),
        CASE(each_task_answers_who_has_asked_it),
        CASE(a_request_in_hand_can_go_to_another_task),
        CASE(a_task_that_ends_without_a_reply_is_warned_of),
        CASE(a_reply_goes_back_behind_the_envelope_of_its_request),
        CASE(a_request_without_an_envelope_is_refused_and_the_next_is_taken),
        CASE(a_bound_request_takes_the_reply_that_has_its_id_alone),
        CASE(what_comes_without_a_request_is_dropped_and_reported),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
