/* SPDX-License-Identifier: MIT */
/* Unit tests of runtime/reload: the line of a failed attempt comes again every minute until it is
 * repaired. The minute passes by setting the moment that is due. */
#include "runtime/reload/supervisor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bindings/core.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/loop.h"
#include "runtime/script/generation.h"
#include "runtime/script/script.h"

static char code[256];
static char *argv[] = {"zlrun", "script", NULL};
static struct zl_script script;
static const struct zl_supervision supervision;
static struct zl_loop *loop;
static int said = -1, before = -1; /* descriptors: what goes to standard error, and the true one */

static int begin(void **state)
{
    (void)state;
    char *none = NULL, path[] = "/tmp/zlrun-reminder-XXXXXX";
    static char *empty[1];
    strcpy(code, "require('zeroless').sleep(1000)");
    script = (struct zl_script){.code = code,
                                .modules = empty,
                                .jit_commands = empty,
                                .argv = argv,
                                .argc = 2,
                                .first = 1,
                                .setup.open = zl_bindings_open};
    empty[0] = none;
    said = mkstemp(path);
    unlink(path);
    before = dup(STDERR_FILENO);
    dup2(said, STDERR_FILENO);
    loop = calloc(1, sizeof *loop);
    return loop && zl_loop_init(loop, 1) &&
                   zl_supervisor_begin(&loop->reload, &script, &supervision) == 0
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    zl_loop_fini(loop);
    free(loop);
    dup2(before, STDERR_FILENO);
    close(before);
    close(said);
    return 0;
}

/* How often the text was said so far. */
static int count(const char *text)
{
    static char all[65536];
    int found = 0;
    zl_log_flush();
    ssize_t size = pread(said, all, sizeof all - 1, 0);
    all[size > 0 ? size : 0] = '\0';
    for (const char *at = all; (at = strstr(at, text)); at += strlen(text))
        found++;
    return found;
}

static void attempt(void)
{
    zl_supervisor_request(&loop->reload, "SIGHUP");
    zl_supervisor_turn(&loop->reload);
}

static void let_a_minute_pass(void)
{
    uint64_t due = loop->reload.deadlines.due[ZL_DUE_REMINDER];
    assert_true(due > zl_clock_now() + 50000000000 && due <= zl_clock_now() + 60000000000);
    loop->reload.deadlines.due[ZL_DUE_REMINDER] = zl_clock_now();
    zl_supervisor_turn(&loop->reload);
}

static void comes_every_minute_at_warn(void **state)
{
    (void)state;
    strcpy(code, "local =");
    attempt();
    assert_int_equal(count("still serving generation 1"), 1);
    zl_supervisor_turn(&loop->reload);
    assert_int_equal(count("still serving generation 1"), 1);
    for (int i = 1; i <= 3; i++) {
        let_a_minute_pass();
        assert_int_equal(count("still serving generation 1"), 1 + i);
        assert_int_equal(count("level=warn"), i);
        assert_int_equal(count("level=error"), 1);
        assert_int_equal(count("expected near"), 1 + i);
    }
}

static void ends_with_the_attempt_that_succeeds(void **state)
{
    (void)state;
    strcpy(code, "local =");
    attempt();
    assert_true(loop->reload.deadlines.due[ZL_DUE_REMINDER] > 0);
    strcpy(code, "require('zeroless').sleep(1000) ");
    attempt();
    assert_int_equal(count("msg=reloaded"), 1);
    assert_int_equal(loop->reload.deadlines.due[ZL_DUE_REMINDER], 0);
}

static void stays_as_it_was_when_files_are_touched(void **state)
{
    (void)state;
    strcpy(code, "local =");
    attempt();
    zl_supervisor_request(&loop->reload, "watch"); /* for nothing: no file has changed */
    zl_supervisor_turn(&loop->reload);
    let_a_minute_pass();
    assert_int_equal(count("expected near"), 2);
    assert_int_equal(count("trigger=SIGHUP"), 2);
}

int main(void)
{
    zl_log_set_format(ZL_LOG_LOGFMT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_every_minute_at_warn, begin, end),
        cmocka_unit_test_setup_teardown(ends_with_the_attempt_that_succeeds, begin, end),
        cmocka_unit_test_setup_teardown(stays_as_it_was_when_files_are_touched, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
