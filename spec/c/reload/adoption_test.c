/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/reload/adoption: which socket of the generation before the next one finds,
 * how it is taken over, given back and left. */
#include "spec/c/reload/generations.h"

#include "runtime/zmq/subscribers.h"

/* --- found ----------------------------------------------------------------------------------- */

static void a_bound_socket_is_found_by_pattern_and_endpoint(void **state)
{
    (void)state;
    struct zl_socket *pull = bound_pull(NULL, "inproc://a");
    start_next();
    assert_null(find(ZL_PULL, NULL, ZL_BIND, "inproc://b"));
    assert_null(find(ZL_SUB, NULL, ZL_BIND, "inproc://a"));
    assert_null(find(ZL_PULL, NULL, ZL_CONNECT, "inproc://a"));
    assert_ptr_equal(find(ZL_PULL, NULL, ZL_BIND, "inproc://a"), pull);
}

static void a_free_port_is_found_as_it_was_asked_for_and_by_its_number(void **state)
{
    (void)state;
    struct zl_socket *pull = bound_pull(NULL, "tcp://127.0.0.1:*");
    const char *real = zl_endpoints_first_bound(pull)->text;
    start_next();
    assert_ptr_equal(find(ZL_PULL, NULL, ZL_BIND, "tcp://127.0.0.1:*"), pull);
    assert_ptr_equal(find(ZL_PULL, NULL, ZL_BIND, real), pull);
}

static void a_name_counts_and_the_endpoint_does_not(void **state)
{
    (void)state;
    struct zl_socket *work = bound_pull("work", "inproc://a");
    start_next();
    assert_ptr_equal(find(ZL_PULL, "work", ZL_BIND, "inproc://elsewhere"), work);
    assert_null(find(ZL_PULL, "other", ZL_BIND, "inproc://a"));
    assert_null(find(ZL_PULL, NULL, ZL_BIND, "inproc://a"));
}

static void a_client_is_found_by_the_addresses_that_both_have(void **state)
{
    (void)state;
    struct zl_socket *one = connect_to(open_socket(ZL_PUSH), "inproc://a");
    struct zl_socket *two = connect_to(open_socket(ZL_PUSH), "inproc://a");
    connect_to(two, "inproc://b");
    struct zl_options options = default_options();
    struct zl_endpoint both[] = {endpoint_of("inproc://a", ZL_CONNECT),
                                 endpoint_of("inproc://b", ZL_CONNECT)};
    struct zl_socket_spec spec = {zl_pattern_get(ZL_PUSH), &options, both, 2, ZL_CONNECT};
    start_next();
    assert_ptr_equal(zl_adoption_find(&finder, &spec, &obstacle), two);
    assert_ptr_equal(find(ZL_PUSH, NULL, ZL_CONNECT, "inproc://a"), one);
}

static void of_several_alike_each_is_found_once_in_the_order_they_were_made(void **state)
{
    (void)state;
    struct zl_socket *one = connect_to(open_socket(ZL_PUSH), "inproc://a");
    struct zl_socket *two = connect_to(open_socket(ZL_PUSH), "inproc://a");
    struct zl_options options = default_options();
    start_next();
    assert_ptr_equal(find(ZL_PUSH, NULL, ZL_CONNECT, "inproc://a"), one);
    take_with(one, &options, ZL_CONNECT, "inproc://a");
    assert_ptr_equal(find(ZL_PUSH, NULL, ZL_CONNECT, "inproc://a"), two);
    take_with(two, &options, ZL_CONNECT, "inproc://a");
    assert_null(find(ZL_PUSH, NULL, ZL_CONNECT, "inproc://a"));
}

static void an_option_that_is_for_life_stands_against_it_and_the_endpoint_is_given_up(void **state)
{
    (void)state;
    char why[ZL_WHY_MAX];
    struct zl_options options = default_options();
    struct zl_socket *pull = bound_pull(NULL, "inproc://a");
    options.receive_hwm = 5;
    start_next();
    struct zl_socket_spec spec = spec_of(ZL_PULL, &options, ZL_BIND, "inproc://a");
    assert_null(zl_adoption_find(&finder, &spec, &obstacle));
    assert_string_equal(obstacle.option, "receive_hwm");
    assert_string_equal(obstacle.endpoint, "inproc://a");
    struct zl_endpoint endpoint = endpoint_of("inproc://a", ZL_BIND);
    struct zl_socket *fresh = open_with(ZL_PULL, &options);
    assert_false(zl_bind_endpoint(fresh, &endpoint, "inproc://a", why)); /* not while it starts */
    serve_next();
    zl_bind_yield(pull);
    bind_to(fresh, "inproc://a");
}

/* --- taken, and given back ------------------------------------------------------------------- */

static void the_next_owner_goes_on_with_queue_and_peers_under_options_of_its_own(void **state)
{
    (void)state;
    struct zl_options options = default_options();
    struct zl_socket *pull = bound_pull(NULL, "inproc://a");
    struct zl_socket *push = connect_to(open_socket(ZL_PUSH), "inproc://a");
    send_text(push, "unread");
    options.timeout = 7;
    start_next();
    take_with(pull, &options, ZL_BIND, "inproc://a");
    assert_ptr_equal(pull->owner, &next);
    assert_true(pull->options.timeout == 7);
    act_as_new("");
    assert_receives_none(pull, ZL_AGAIN); /* while it starts */
    serve_next();
    assert_receives(pull, "unread");
    send_text(push, "from the same peer");
    assert_receives(pull, "from the same peer");
}

static void a_socket_goes_back_to_its_former_owner_as_it_was(void **state)
{
    (void)state;
    struct zl_options options = default_options();
    struct zl_socket *push = connect_to(open_socket(ZL_PUSH), "inproc://a");
    options.timeout = 7;
    start_next();
    take_with(push, &options, ZL_CONNECT, "inproc://a");
    connect_to(push, "inproc://b");
    assert_non_null(zl_endpoints_find_connected(push, "inproc://b"));
    fail_next();
    assert_ptr_equal(push->owner, &tasks.group);
    assert_true(push->options.timeout < 0);
    assert_null(zl_endpoints_find_connected(push, "inproc://b"));
    assert_non_null(zl_endpoints_find_connected(push, "inproc://a"));
    assert_null(push->previous);
}

static void a_close_waits_until_the_former_owner_can_no_more_come_back(void **state)
{
    (void)state;
    struct zl_socket *pull = bound_pull(NULL, "inproc://a");
    start_next();
    take(pull, "inproc://a");
    zl_sockets_close(pull);
    assert_non_null(pull->zmq);
    zl_adoption_leave(&hub, &tasks.group);
    assert_null(pull->zmq);
}

static long subscriptions(struct zl_socket *pub)
{
    zl_admission_read_subscriptions(pub);
    return zl_subscribers_count(&pub->subscribers);
}

static void a_sub_hears_the_topics_of_both_while_either_may_be_its_owner(void **state)
{
    (void)state;
    struct zl_bytes topics[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    struct zl_options options = default_options();
    options.topics = topics;
    options.topic_count = 2;
    struct zl_socket *pub = bind_to(open_socket(ZL_PUB), "inproc://news");
    struct zl_socket *sub = connect_to(open_with(ZL_SUB, &options), "inproc://news");
    assert_int_equal(subscriptions(pub), 2);
    options.topics = topics + 1;
    for (int failures = 0; failures < 2; failures++) {
        start_next();
        take_with(sub, &options, ZL_CONNECT, "inproc://news");
        assert_int_equal(subscriptions(pub), 3);
        fail_next();
        assert_int_equal(subscriptions(pub), 2);
    }
    start_next();
    take_with(sub, &options, ZL_CONNECT, "inproc://news");
    serve_next();
    zl_adoption_leave(&hub, &tasks.group);
    assert_int_equal(subscriptions(pub), 2);
    assert_true(zl_options_have_topic(&sub->options, &topics[2]));
    assert_false(zl_options_have_topic(&sub->options, &topics[0]));
}

/* --- left ------------------------------------------------------------------------------------ */

static void what_the_next_does_not_open_stays_open_and_is_found_later(void **state)
{
    (void)state;
    struct zl_socket *pull = bound_pull(NULL, "inproc://a");
    struct zl_socket *push = connect_to(open_socket(ZL_PUSH), "inproc://a");
    start_next();
    serve_next();
    zl_adoption_leave(&hub, &tasks.group);
    let_go(pull);
    assert_null(pull->owner);
    assert_int_equal(send_text(push, "queued"), 0);
    zl_adoption_drop_unwanted(&hub);
    assert_true(zl_endpoints_are_bound(pull));
    assert_ptr_equal(find(ZL_PULL, NULL, ZL_BIND, "inproc://a"), pull);
    take(pull, "inproc://a");
    act_as_new("");
    assert_receives(pull, "queued");
}

static void endpoints_that_its_owner_no_longer_names_are_closed_once_that_is_final(void **state)
{
    (void)state;
    struct zl_socket *work = bound_pull("work", "inproc://a");
    start_next();
    assert_ptr_equal(find(ZL_PULL, "work", ZL_BIND, "inproc://b"), work);
    take(work, "inproc://b");
    bind_to(work, "inproc://b");
    serve_next();
    zl_adoption_drop_unwanted(&hub);
    assert_string_equal(zl_endpoints_first_bound(work)->text, "inproc://b");
    bound_pull(NULL, "inproc://c");
    connect_to(open_socket(ZL_PUSH),
               "inproc://a"); /* still there: the former owner may come back */
    zl_adoption_leave(&hub, &tasks.group);
    zl_adoption_drop_unwanted(&hub);
    bound_pull(NULL, "inproc://a");
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_bound_socket_is_found_by_pattern_and_endpoint),
        CASE(a_free_port_is_found_as_it_was_asked_for_and_by_its_number),
        CASE(a_name_counts_and_the_endpoint_does_not),
        CASE(a_client_is_found_by_the_addresses_that_both_have),
        CASE(of_several_alike_each_is_found_once_in_the_order_they_were_made),
        CASE(an_option_that_is_for_life_stands_against_it_and_the_endpoint_is_given_up),
        CASE(the_next_owner_goes_on_with_queue_and_peers_under_options_of_its_own),
        CASE(a_socket_goes_back_to_its_former_owner_as_it_was),
        CASE(a_close_waits_until_the_former_owner_can_no_more_come_back),
        CASE(a_sub_hears_the_topics_of_both_while_either_may_be_its_owner),
        CASE(what_the_next_does_not_open_stays_open_and_is_found_later),
        CASE(endpoints_that_its_owner_no_longer_names_are_closed_once_that_is_final),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
