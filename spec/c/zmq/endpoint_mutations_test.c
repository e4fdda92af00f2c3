/* SPDX-License-Identifier: MIT */
/* Unit test of runtime/zmq/endpoint: 100,000 mutated endpoints are taken as they are or refused
 * with a reason, and nothing is read beyond them. */
#include "runtime/base/reason.h"
#include "runtime/zmq/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MUTATIONS = 100000, INPUT_MAX = 700, TIME_LIMIT = 60 /* seconds */ };

static char why[ZL_WHY_MAX];

static uint32_t lcg_state = 20240607;

static uint32_t lcg(uint32_t below)
{
    lcg_state = lcg_state * 1664525u + 1013904223u;
    return (lcg_state >> 8) % below;
}

static const char *const seeds[] = {
    "tcp://10.0.0.1:1567",
    "tcp://*:*",
    "tcp://[fe80::1%eth0]:65535",
    "tcp://[::ffff:10.0.0.1]:0",
    "tcp://a.example-1.org.:99999",
    "tcp://127.0.0.1:15555;10.0.0.1:1567",
    "ipc:///tmp/zlrun/w.sock",
    "ipc://@w",
    "ipc://*",
    "inproc://zeromq.zap.01",
    "udp://239.0.0.1:5555",
    "localhost:1567",
};

static char random_byte(void)
{
    static const char likely[] = "0123456789:/.*[]%@;- abcdtpi";
    return lcg(4) ? likely[lcg(sizeof likely - 1)] : (char)lcg(256);
}

static size_t seed(char *text)
{
    const char *chosen = seeds[lcg(sizeof seeds / sizeof *seeds)];
    memcpy(text, chosen, strlen(chosen));
    return strlen(chosen);
}

/* Changes, inserts, removes a byte, or puts a tail of another seed or of one byte in its place. */
static size_t mutate(char *text, size_t size)
{
    size_t at = lcg((uint32_t)size + 1);
    switch (lcg(10)) {
    case 0:
        return at + seed(text + at);
    case 1:
        size = at + lcg(INPUT_MAX / 2);
        memset(text + at, random_byte(), size - at);
        return size;
    case 2:
    case 3:
    case 4:
        memmove(text + at + 1, text + at, size - at);
        text[at] = random_byte();
        return size + 1;
    case 5:
    case 6:
        memmove(text + at, text + at + (at < size), size - at - (at < size));
        return size - (at < size);
    default:
        text[at] = random_byte();
        return at < size ? size : size + 1;
    }
}

static void check_accepted(const struct zl_endpoint *made, const char *text, size_t size,
                           enum zl_use use)
{
    struct zl_endpoint again = {.port = -1};
    assert_true(zl_endpoint_parse(&again, made->text, strlen(made->text), use, why));
    assert_memory_equal(made, &again, sizeof again);
    assert_true(made->port >= (made->transport == ZL_TCP && use == ZL_CONNECT));
    assert_true(made->port <= 65535);
    bool free_port = made->transport == ZL_TCP && made->port == 0;
    assert_int_equal(strlen(made->text), size);
    assert_memory_equal(made->text, text, size - free_port);
    if (made->transport != ZL_TCP)
        return;
    char port[16] = "*";
    if (made->port)
        snprintf(port, sizeof port, "%d", made->port);
    assert_string_equal(strrchr(made->text, ':') + 1, port);
}

static void check_refused(void)
{
    size_t size = strnlen(why, sizeof why);
    assert_in_range(size, 1, sizeof why - 1);
    for (size_t i = 0; i < size; i++)
        assert_in_range(why[i], ' ', '~');
}

/* The input gets an exact allocation without NUL, so that the sanitizer sees a byte read too far.
 */
static bool check_mutation(const char *text, size_t size, enum zl_use use)
{
    struct zl_endpoint made;
    char *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, text, size);
    memset(why, 0xff, sizeof why);
    bool accepted = zl_endpoint_parse(&made, exact, size, use, why);
    if (accepted)
        check_accepted(&made, exact, size, use);
    else
        check_refused();
    if (!zl_endpoint_tcp(&made, exact, size, 1, use, why))
        check_refused();
    free(exact);
    return accepted;
}

static void mutated_endpoints(void **state)
{
    (void)state;
    int accepted = 0;
    for (int i = 0; i < MUTATIONS; i++) {
        char text[INPUT_MAX * 2];
        size_t size = seed(text);
        for (uint32_t rounds = lcg(4); rounds > 0 && size < INPUT_MAX; rounds--)
            size = mutate(text, size);
        accepted += check_mutation(text, size, i % 2 ? ZL_BIND : ZL_CONNECT);
    }
    assert_in_range(accepted, MUTATIONS / 20, MUTATIONS / 2);
}

int main(void)
{
    alarm(TIME_LIMIT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutated_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
