/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/pattern: every row of the table, which socket it stands on and which of the
 * two objects it gives. */
#include "runtime/base/reason.h"
#include "runtime/zmq/endpoint.h"
#include "runtime/zmq/libzmq.h"
#include "runtime/zmq/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const enum zl_pattern_id all[] = {ZL_PUSH,    ZL_PULL,  ZL_PUB, ZL_SUB,
                                         ZL_REQUEST, ZL_REPLY, ZL_PAIR};
enum { COUNT = sizeof all / sizeof *all };

static void each_has_its_id_and_name(void **state)
{
    (void)state;
    static const char *const names[] = {"push", "pull", "pub", "sub", "request", "reply", "pair"};
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(zl_pattern_get(all[i])->id, all[i]);
        assert_string_equal(zl_pattern_get(all[i])->name, names[i]);
    }
}

static void each_stands_on_its_socket(void **state)
{
    (void)state;
    assert_int_equal(zl_pattern_get(ZL_PUSH)->zmq_type, ZMQ_PUSH);
    assert_int_equal(zl_pattern_get(ZL_PULL)->zmq_type, ZMQ_PULL);
    assert_int_equal(zl_pattern_get(ZL_PUB)->zmq_type, ZMQ_XPUB);
    assert_int_equal(zl_pattern_get(ZL_SUB)->zmq_type, ZMQ_SUB);
    assert_int_equal(zl_pattern_get(ZL_REQUEST)->zmq_type, ZMQ_DEALER);
    assert_int_equal(zl_pattern_get(ZL_REPLY)->zmq_type, ZMQ_ROUTER);
    assert_int_equal(zl_pattern_get(ZL_PAIR)->zmq_type, ZMQ_PAIR);
}

static void each_sends_or_receives_or_both(void **state)
{
    (void)state;
    static const struct {
        enum zl_pattern_id id;
        bool sends, receives;
    } cases[] = {
        {ZL_PUSH, true, false}, {ZL_PULL, false, true},   {ZL_PUB, true, false},
        {ZL_SUB, false, true},  {ZL_REQUEST, true, true}, {ZL_REPLY, true, true},
        {ZL_PAIR, true, true},
    };
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(zl_pattern_get(cases[i].id)->sends, cases[i].sends);
        assert_int_equal(zl_pattern_get(cases[i].id)->receives, cases[i].receives);
    }
}

static void only_pair_has_one_peer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(zl_pattern_get(all[i])->one_peer, all[i] == ZL_PAIR);
}

/* The reply to a request is the end of what the task asked for, not work that it was handed. */
static void all_but_request_hand_out_what_they_receive(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        const struct zl_pattern *pattern = zl_pattern_get(all[i]);
        assert_int_equal(pattern->hands_out, pattern->receives && all[i] != ZL_REQUEST);
    }
}

/* libzmq is asked itself: each type exists, and its socket can be polled for what the table says.
 */
static void libzmq_gives_each_socket(void **state)
{
    (void)state;
    char why[ZL_WHY_MAX];
    assert_true(zl_libzmq_load(why));
    void *context = zmq_ctx_new();
    assert_non_null(context);
    for (size_t i = 0; i < COUNT; i++) {
        int type = -1;
        size_t size = sizeof type;
        void *socket = zmq_socket(context, zl_pattern_get(all[i])->zmq_type);
        assert_non_null(socket);
        assert_int_equal(zmq_getsockopt(socket, ZMQ_TYPE, &type, &size), 0);
        assert_int_equal(type, zl_pattern_get(all[i])->zmq_type);
        assert_int_equal(zmq_close(socket), 0);
    }
    assert_int_equal(zmq_ctx_term(context), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_its_id_and_name),
        cmocka_unit_test(each_stands_on_its_socket),
        cmocka_unit_test(each_sends_or_receives_or_both),
        cmocka_unit_test(only_pair_has_one_peer),
        cmocka_unit_test(all_but_request_hand_out_what_they_receive),
        cmocka_unit_test(libzmq_gives_each_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
