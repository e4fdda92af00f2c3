/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/reload/adoption: how an endpoint moves from one socket to another while a
 * generation starts. */
#include "spec/c/reload/generations.h"

/* Whether the generation that starts may have the endpoint for the socket, when it serves. */
static bool claim(struct zl_socket *socket, const char *text)
{
    struct zl_endpoint endpoint = endpoint_of(text, ZL_BIND);
    char why[ZL_WHY_MAX];
    if (!zl_adoption_claim(&finder, socket, &endpoint))
        return false;
    assert_true(zl_bind_later(socket, &endpoint, text, why));
    return true;
}

static void two_sockets_can_change_places(void **state)
{
    (void)state;
    struct zl_socket *a = bound_pull("a", "inproc://1"), *b = bound_pull("b", "inproc://2");
    start_next();
    assert_ptr_equal(find(ZL_PULL, "a", ZL_BIND, "inproc://2"), a);
    take(a, "inproc://2");
    assert_true(claim(a, "inproc://2"));
    assert_ptr_equal(find(ZL_PULL, "b", ZL_BIND, "inproc://1"), b);
    take(b, "inproc://1");
    assert_true(claim(b, "inproc://1"));
    assert_false(claim(b, "inproc://1")); /* once */
    serve_next();
    zl_bind_yield_claimed(a);
    zl_bind_yield_claimed(b);
    zl_binding_apply_pending(a);
    zl_binding_apply_pending(b);
    struct zl_socket *push = connect_to(open_socket(ZL_PUSH), "inproc://2");
    assert_int_equal(send_text(push, "to a"), 0);
    act_as_new("");
    assert_receives(a, "to a");
    assert_receives_none(b, ZL_AGAIN);
}

static void an_endpoint_that_its_next_owner_names_cannot_be_claimed(void **state)
{
    (void)state;
    struct zl_socket *a = bound_pull("a", "inproc://1"), *b = bound_pull("b", "inproc://2");
    start_next();
    take(b, "inproc://2");
    take(a, "inproc://2");
    assert_false(claim(a, "inproc://2"));
    assert_false(claim(a, "inproc://nowhere"));
}

static void a_serving_generation_claims_nothing(void **state)
{
    (void)state;
    struct zl_socket *a = bound_pull("a", "inproc://1");
    bound_pull("b", "inproc://2");
    assert_false(claim(a, "inproc://2"));
}

static void what_was_given_up_for_one_that_failed_is_bound_again(void **state)
{
    (void)state;
    struct zl_socket *b = bound_pull("b", "inproc://2");
    start_next();
    struct zl_options options = named("fresh");
    struct zl_socket *fresh = open_with(ZL_PULL, &options);
    assert_true(claim(fresh, "inproc://2"));
    serve_next();
    zl_bind_yield_claimed(b);
    zl_binding_apply_pending(fresh);
    zl_sockets_close(fresh);
    fail_next();
    zl_adoption_restore(&hub, &tasks.group);
    struct zl_socket *push = connect_to(open_socket(ZL_PUSH), "inproc://2");
    assert_int_equal(send_text(push, "back"), 0);
    act_as_new("");
    assert_receives(b, "back");
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(two_sockets_can_change_places),
        CASE(an_endpoint_that_its_next_owner_names_cannot_be_claimed),
        CASE(a_serving_generation_claims_nothing),
        CASE(what_was_given_up_for_one_that_failed_is_bound_again),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
