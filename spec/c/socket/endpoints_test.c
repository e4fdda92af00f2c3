/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/socket/endpoints: what a socket is, or will be, bound and connected to. */
#include "spec/c/hub.h"

#include "runtime/socket/endpoints.h"

static char text[ZL_WHY_MAX];

static struct zl_endpoint_entry *add(struct zl_socket *socket, const char *endpoint)
{
    char why[ZL_WHY_MAX];
    struct zl_endpoint_entry *entry = zl_endpoints_add(socket, endpoint, why);
    assert_non_null(entry);
    return entry;
}

static void a_new_endpoint_is_wanted_by_the_group_that_runs(void **state)
{
    (void)state;
    struct zl_socket *pull = open_socket(ZL_PULL);
    tasks.group.serial = 7;
    const struct zl_endpoint_entry *entry = add(pull, "inproc://a");
    assert_true(entry->wanted);
    assert_int_equal(entry->added_by, 7);
    assert_string_equal(entry->text, "inproc://a");
}

static void connections_are_found_by_their_text_and_bound_ones_are_none(void **state)
{
    (void)state;
    struct zl_socket *pull = open_socket(ZL_PULL);
    add(pull, "tcp://127.0.0.1:5000")->bound = true;
    assert_null(zl_endpoints_find_connected(pull, "tcp://127.0.0.1:5000"));
    struct zl_endpoint_entry *entry = add(pull, "tcp://127.0.0.1:5001");
    assert_ptr_equal(zl_endpoints_find_connected(pull, "tcp://127.0.0.1:5001"), entry);
    assert_null(zl_endpoints_find_connected(pull, "tcp://127.0.0.1:500"));
}

static void one_that_is_forgotten_is_found_no_more(void **state)
{
    (void)state;
    struct zl_socket *pull = open_socket(ZL_PULL);
    add(pull, "inproc://a");
    add(pull, "inproc://b");
    zl_endpoints_forget(pull, zl_endpoints_find_connected(pull, "inproc://a"));
    assert_null(zl_endpoints_find_connected(pull, "inproc://a"));
    assert_non_null(zl_endpoints_find_connected(pull, "inproc://b"));
}

static void the_bound_one_tells_what_its_script_asked_for(void **state)
{
    (void)state;
    struct zl_socket *pull = open_socket(ZL_PULL);
    assert_null(zl_endpoints_first_bound(pull));
    bind_to(pull, "tcp://127.0.0.1:*");
    const struct zl_endpoint_entry *entry = zl_endpoints_first_bound(pull);
    assert_string_equal(entry->asked, "tcp://127.0.0.1:*");
    assert_string_not_equal(entry->text, entry->asked); /* that has the port */
    assert_true(zl_endpoints_are_bound(pull));
}

static void what_its_owner_no_longer_wants_does_not_count_as_bound(void **state)
{
    (void)state;
    struct zl_socket *pull = open_socket(ZL_PULL);
    add(pull, "inproc://a")->bound = true;
    assert_true(zl_endpoints_are_bound(pull));
    zl_endpoints_add(pull, "inproc://b", text)->wanted = false;
    assert_true(zl_endpoints_are_bound(pull));
    ((struct zl_endpoint_entry *)zl_endpoints_first_bound(pull))->wanted = false;
    assert_false(zl_endpoints_are_bound(pull));
}

static void all_are_described_and_those_of_a_route_alone(void **state)
{
    (void)state;
    struct zl_socket *push = open_socket(ZL_PUSH);
    zl_endpoints_describe(push, text, sizeof text);
    assert_string_equal(text, "");
    connect_to(push, "inproc://a");
    connect_to(push, "inproc://b"); /* on a route of its own */
    zl_endpoints_describe(push, text, sizeof text);
    assert_string_equal(text, "inproc://b, inproc://a");
    assert_int_equal(push->route_count, 2);
    zl_endpoints_describe_route(zl_endpoints_find_connected(push, "inproc://a")->route, text,
                                sizeof text);
    assert_string_equal(text, "inproc://a");
}

static void a_description_ends_with_its_room(void **state)
{
    (void)state;
    struct zl_socket *pull = open_socket(ZL_PULL);
    add(pull, "inproc://a");
    add(pull, "inproc://b");
    memset(text, 'x', sizeof text);
    zl_endpoints_describe(pull, text, 16);
    assert_true(strlen(text) < 16);
    assert_memory_equal(text, "inproc://b", strlen("inproc://b"));
    assert_int_equal(text[16], 'x');
}

static void inproc_names_are_told_from_addresses(void **state)
{
    (void)state;
    struct zl_socket *pull = open_socket(ZL_PULL);
    assert_true(zl_endpoints_is_inproc("inproc://x"));
    assert_false(zl_endpoints_is_inproc("ipc://inproc:"));
    assert_false(zl_endpoints_have_inproc(pull));
    add(pull, "inproc://a");
    assert_true(zl_endpoints_have_inproc(pull));
    assert_true(zl_endpoints_are_inproc(pull));
    add(pull, "tcp://127.0.0.1:5000");
    assert_true(zl_endpoints_have_inproc(pull));
    assert_false(zl_endpoints_are_inproc(pull));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, hub_open, hub_close)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_new_endpoint_is_wanted_by_the_group_that_runs),
        CASE(connections_are_found_by_their_text_and_bound_ones_are_none),
        CASE(one_that_is_forgotten_is_found_no_more),
        CASE(the_bound_one_tells_what_its_script_asked_for),
        CASE(what_its_owner_no_longer_wants_does_not_count_as_bound),
        CASE(all_are_described_and_those_of_a_route_alone),
        CASE(a_description_ends_with_its_room),
        CASE(inproc_names_are_told_from_addresses),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
