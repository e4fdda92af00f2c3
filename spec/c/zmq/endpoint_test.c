/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/zmq/endpoint: every rule with both of its sides, every length edge. */
#include "runtime/base/reason.h"
#include "runtime/zmq/endpoint.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { INPUT_MAX = 700, TIME_LIMIT = 60 /* seconds */ };

static struct zl_endpoint parsed;
static char why[ZL_WHY_MAX];

static bool parse(const char *text, enum zl_use use)
{
    return zl_endpoint_parse(&parsed, text, strlen(text), use, why);
}

static bool tcp(const char *host, int port, enum zl_use use)
{
    return zl_endpoint_tcp(&parsed, host, strlen(host), port, use, why);
}

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("expected \"%s\" in: %s", part, text);
}

static void assert_accepted(const char *text, enum zl_use use)
{
    if (!parse(text, use))
        fail_msg("refused: %s", why);
}

static void assert_refused(const char *text, enum zl_use use, const char *reason)
{
    if (parse(text, use))
        fail_msg("accepted: %s", text);
    assert_contains(why, reason);
}

static void assert_refused_both(const char *text, const char *reason)
{
    assert_refused(text, ZL_BIND, reason);
    assert_refused(text, ZL_CONNECT, reason);
}

/* `head` followed by x until the whole has `size` bytes. */
static const char *padded(const char *head, size_t size)
{
    static char text[INPUT_MAX + 1];
    size_t used = strlen(head);
    memcpy(text, head, used);
    memset(text + used, 'x', size - used);
    text[size] = '\0';
    return text;
}

static void port_numbers(void **state)
{
    (void)state;
    const double good[] = {1024, 1025, 12345, 65534, 65535};
    const double bad[] = {1023,    65536, 0,    -1,          -12345,   1024.5,
                          65535.5, 1e300, -1e9, (double)NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(zl_port_check(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(zl_port_check(bad[i]));
}

static void tcp_writes_what_libzmq_reads(void **state)
{
    (void)state;
    static const struct {
        const char *host, *bare, *text;
        int port;
        bool ipv6;
        enum zl_use use;
    } cases[] = {
        {"10.0.0.1", "10.0.0.1", "tcp://10.0.0.1:1567", 1567, false, ZL_CONNECT},
        {"*", "*", "tcp://*:*", 0, false, ZL_BIND},
        {"*", "*", "tcp://*:12345", 12345, false, ZL_BIND},
        {"0.0.0.0", "0.0.0.0", "tcp://0.0.0.0:1", 1, false, ZL_BIND},
        {"eth0", "eth0", "tcp://eth0:65535", 65535, false, ZL_BIND},
        {"eth0.12", "eth0.12", "tcp://eth0.12:1", 1, false, ZL_BIND},
        {"db_1.example-2.org.", "db_1.example-2.org.", "tcp://db_1.example-2.org.:80", 80, false,
         ZL_CONNECT},
        {"::1", "::1", "tcp://[::1]:80", 80, true, ZL_CONNECT},
        {"[::1]", "::1", "tcp://[::1]:80", 80, true, ZL_CONNECT},
        {"::", "::", "tcp://[::]:*", 0, true, ZL_BIND},
        {"fe80::1%eth0", "fe80::1%eth0", "tcp://[fe80::1%eth0]:80", 80, true, ZL_CONNECT},
        {"[fe80::1%2]", "fe80::1%2", "tcp://[fe80::1%2]:80", 80, true, ZL_BIND},
        {"::ffff:10.0.0.1", "::ffff:10.0.0.1", "tcp://[::ffff:10.0.0.1]:80", 80, true, ZL_CONNECT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!tcp(cases[i].host, cases[i].port, cases[i].use))
            fail_msg("refused: %s", why);
        assert_int_equal(parsed.transport, ZL_TCP);
        assert_string_equal(parsed.text, cases[i].text);
        assert_string_equal(parsed.host, cases[i].bare);
        assert_int_equal(parsed.port, cases[i].port);
        assert_int_equal(parsed.ipv6, cases[i].ipv6);
    }
}

static void tcp_refuses_hosts_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *host, *reason;
    } cases[] = {
        {"", "it is empty"},
        {"a b", "host \"a b\" is invalid: a host name cannot contain spaces"},
        {" a", "cannot contain spaces"},
        {"a\n", "host \"a\\x0a\" is invalid: a host name cannot contain control characters"},
        {"a\x7f", "cannot contain control characters"},
        {"a/b", "letters, digits"},
        {"b\xc3\xbc", "host \"b\\xc3\\xbc\" is invalid: a host name consists of letters"},
        {"**", "letters, digits"},
        {"a..b", "single dots"},
        {".a", "single dots"},
        {"a..", "single dots"},
        {".", "IPv4"},
        {"256.0.0.1", "IPv4"},
        {"1", "IPv4"},
        {"10.0.0", "IPv4"},
        {"10.0.0.1.", "IPv4"},
        {"10.0.0.01", "IPv4"},
        {"10.0.0.1:1567", "not an IPv6 address"},
        {"tcp://10.0.0.1", "not an IPv6 address"},
        {"[10.0.0.1]", "not an IPv6 address"},
        {"[]", "not an IPv6 address"},
        {"[", "letters, digits"},
        {"]", "letters, digits"},
        {"[::1", "not an IPv6 address"},
        {"::1]", "not an IPv6 address"},
        {"[[::1]]", "not an IPv6 address"},
        {":::", "not an IPv6 address"},
        {"1:2:3:4:5:6:7:8:9", "not an IPv6 address"},
        {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", "not an IPv6 address"},
        {"fe80::1%", "name of an interface"},
        {"fe80::1%a/b", "name of an interface"},
        {"fe80::1%a%b", "name of an interface"},
        {"fe80::1%sixteen-bytes-xx", "name of an interface"},
        {"%eth0", "letters, digits"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (enum zl_use use = ZL_BIND; use <= ZL_CONNECT; use++) {
            if (tcp(cases[i].host, 1567, use))
                fail_msg("accepted: %s", cases[i].host);
            assert_contains(why, cases[i].reason);
        }
    assert_true(tcp("fe80::1%fifteen-bytes-x", 1567, ZL_CONNECT));
    assert_false(zl_endpoint_tcp(&parsed, "a\0b", 3, 1567, ZL_CONNECT, why));
    assert_string_equal(
        why, "host \"a\\x00b\" is invalid: a host name cannot contain control characters");
}

static void tcp_length_of_hosts(void **state)
{
    (void)state;
    assert_true(tcp(padded("h", 255), 65535, ZL_CONNECT));
    assert_int_equal(strlen(parsed.host), 255);
    assert_false(tcp(padded("h", 256), 65535, ZL_CONNECT));
    assert_contains(why, "it has 256 bytes, the limit is 255");
    assert_contains(why, "xxx...\"");
    assert_false(tcp(padded("h", INPUT_MAX), 65535, ZL_BIND));
}

static void tcp_ports_and_stars_by_use(void **state)
{
    (void)state;
    assert_false(tcp("localhost", 0, ZL_CONNECT));
    assert_contains(why, "port \"0\" is invalid: choose one between 1 and 65535");
    assert_false(tcp("*", 1567, ZL_CONNECT));
    assert_contains(why, "* is for servers");
    assert_false(tcp("*", -1, ZL_BIND));
    assert_contains(why, "port \"-1\"");
    assert_false(tcp("*", 65536, ZL_BIND));
    assert_false(tcp("*", INT32_MIN, ZL_BIND));
}

static void parse_tcp_accepts(void **state)
{
    (void)state;
    static const char *const both[] = {
        "tcp://10.0.0.1:1567", "tcp://localhost:1",     "tcp://a.example.org:65535",
        "tcp://[::1]:80",      "tcp://[fe80::1%lo]:80",
    };
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        assert_accepted(both[i], ZL_BIND);
        assert_accepted(both[i], ZL_CONNECT);
        assert_string_equal(parsed.text, both[i]);
    }
    assert_accepted("tcp://*:*", ZL_BIND);
    assert_accepted("tcp://[::]:0", ZL_BIND);
    assert_string_equal(parsed.text, "tcp://[::]:*");
    assert_int_equal(parsed.port, 0);
    assert_string_equal(parsed.host, "::");
    assert_true(parsed.ipv6);
    assert_accepted("tcp://eth0:12345", ZL_BIND);
    assert_int_equal(parsed.port, 12345);
    assert_false(parsed.ipv6);
}

static void parse_tcp_refuses(void **state)
{
    (void)state;
    static const char *const ports[] = {
        "99999", "65536", "-1",  "+1", "12x", "x", "0x10",       "01567",
        "00",    "1.0",   "1e3", "**", "*1",  "",  "4294967297", "99999999999999999999999",
    };
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        char text[64];
        snprintf(text, sizeof text, "tcp://localhost:%s", ports[i]);
        assert_refused_both(text, "choose one between 1 and 65535");
        snprintf(text, sizeof text, "port \"%s\" is invalid", ports[i]);
        assert_contains(why, text);
    }
    assert_refused("tcp://localhost:*", ZL_CONNECT, "choose one between 1 and 65535");
    assert_refused("tcp://localhost:0", ZL_CONNECT, "choose one between 1 and 65535");
    assert_refused("tcp://*:1567", ZL_CONNECT, "* is for servers");
    assert_refused_both("tcp://", "port is missing");
    assert_refused_both("tcp://localhost", "port is missing");
    assert_refused_both("tcp://[::1]", "port is missing");
    assert_refused_both("tcp://[::1]x:80", "port is missing");
    assert_refused_both("tcp://[:80", "port is missing");
    assert_refused_both("tcp://:80", "host \"\" is invalid: it is empty");
    assert_refused_both("tcp://::1:80", "needs brackets");
    assert_refused_both("tcp://localhost:80:81", "needs brackets");
    assert_refused_both("tcp://[]:80", "not an IPv6 address");
    assert_refused_both("tcp://[a]:1]:80", "not an IPv6 address");
    assert_refused_both("tcp://tcp://a:80", "needs brackets");
    assert_refused_both("tcp://a:1;b:2", "source address");
    assert_refused_both("tcp://a:80 ", "an endpoint cannot contain spaces");
    assert_refused_both("tcp://a:80/", "choose one");
    assert_refused_both("tcp://a/b:80", "letters, digits");
}

static void parse_schemes(void **state)
{
    (void)state;
    assert_refused_both("10.0.0.1:1567", "write tcp://10.0.0.1:1567");
    assert_refused_both("/run/w.sock", "write ipc:///run/w.sock");
    assert_refused_both("@w", "write ipc://@w");
    assert_refused_both("worker", "write tcp://host:port, ipc://path or inproc://name");
    assert_refused_both("", "write tcp://host:port, ipc://path or inproc://name");
    assert_refused_both("udp://a:80",
                        "unknown scheme, write tcp://host:port, ipc://path or inproc");
    assert_refused_both("TCP://a:80", "unknown scheme");
    assert_refused_both("://a:80", "unknown scheme");
    assert_refused_both(" tcp://a:80", "cannot contain spaces");
    assert_refused_both("tcp:/a:80", "no scheme");
    assert_false(zl_endpoint_parse(&parsed, "tcp://a:80\0", 11, ZL_CONNECT, why));
    assert_contains(
        why, "\"tcp://a:80\\x00\" is invalid: an endpoint cannot contain control characters");
}

static void parse_ipc_rules(void **state)
{
    (void)state;
    static const char *const both[] = {"ipc:///run/w.sock", "ipc://w", "ipc://@w", "ipc://./*",
                                       "ipc:///tmp/\xc3\xbc"};
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        assert_accepted(both[i], ZL_BIND);
        assert_accepted(both[i], ZL_CONNECT);
        assert_int_equal(parsed.transport, ZL_IPC);
        assert_string_equal(parsed.text, both[i]);
        assert_string_equal(parsed.host, "");
        assert_int_equal(parsed.port, 0);
    }
    assert_accepted("ipc://*", ZL_BIND);
    assert_refused("ipc://*", ZL_CONNECT, "for servers");
    assert_refused_both("ipc://*w", "* stands alone");
    assert_refused_both("ipc://", "it is empty");
    assert_refused_both("ipc://@", "name is missing");
    assert_refused_both("ipc:///a b", "cannot contain spaces");
    assert_accepted(padded("ipc://", 6 + 107), ZL_BIND);
    assert_refused_both(padded("ipc://", 6 + 108), "it has 108 bytes, the limit is 107");
    assert_accepted(padded("ipc://@", 6 + 107), ZL_CONNECT);
    assert_refused_both(padded("ipc://@", 6 + 108), "the limit is 107");
    assert_refused_both(padded("ipc://", INPUT_MAX), "the limit is 107");
}

static void parse_inproc_rules(void **state)
{
    (void)state;
    assert_accepted("inproc://w", ZL_BIND);
    assert_accepted("inproc://w:1//x", ZL_CONNECT);
    assert_int_equal(parsed.transport, ZL_INPROC);
    assert_string_equal(parsed.text, "inproc://w:1//x");
    assert_refused_both("inproc://", "it is empty");
    assert_accepted(padded("inproc://", 9 + 255), ZL_BIND);
    assert_refused_both(padded("inproc://", 9 + 256), "it has 256 bytes, the limit is 255");
    assert_refused("inproc://zeromq.zap.01", ZL_BIND, "reserves it for authentication");
    assert_accepted("inproc://zeromq.zap.01", ZL_CONNECT);
    assert_accepted("inproc://zeromq.zap.011", ZL_BIND);
}

static void a_refusal_leaves_the_endpoint_alone(void **state)
{
    (void)state;
    assert_accepted("tcp://[::1]:80", ZL_BIND);
    struct zl_endpoint before = parsed;
    assert_refused_both("tcp://localhost:99999", "choose");
    assert_refused_both("ipc://", "empty");
    assert_refused_both("inproc://", "empty");
    assert_false(tcp("a b", 80, ZL_BIND));
    assert_memory_equal(&before, &parsed, sizeof parsed);
}

/* An endpoint may be parsed out of the struct that is filled. */
static void the_input_may_be_the_output(void **state)
{
    (void)state;
    assert_accepted("tcp://[::1]:0", ZL_BIND);
    assert_true(zl_endpoint_tcp(&parsed, parsed.host, strlen(parsed.host), 81, ZL_BIND, why));
    assert_string_equal(parsed.text, "tcp://[::1]:81");
    assert_true(zl_endpoint_parse(&parsed, parsed.text, strlen(parsed.text), ZL_BIND, why));
    assert_string_equal(parsed.text, "tcp://[::1]:81");
}

int main(void)
{
    alarm(TIME_LIMIT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_numbers),
        cmocka_unit_test(tcp_writes_what_libzmq_reads),
        cmocka_unit_test(tcp_refuses_hosts_that_are_none),
        cmocka_unit_test(tcp_length_of_hosts),
        cmocka_unit_test(tcp_ports_and_stars_by_use),
        cmocka_unit_test(parse_tcp_accepts),
        cmocka_unit_test(parse_tcp_refuses),
        cmocka_unit_test(parse_schemes),
        cmocka_unit_test(parse_ipc_rules),
        cmocka_unit_test(parse_inproc_rules),
        cmocka_unit_test(a_refusal_leaves_the_endpoint_alone),
        cmocka_unit_test(the_input_may_be_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
