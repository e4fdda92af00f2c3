/* SPDX-License-Identifier: MIT */
/* docs/hazards.md, row 17: memory runs out at the N-th allocation of a script that uses every
 * pattern. The script gets an error or manages without; the host closes its sockets, comes to its
 * end and, under a leak checker, has lost nothing. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "bindings/core.h"
#include "runtime/base/exit.h"
#include "runtime/base/log.h"
#include "runtime/loop.h"
#include "runtime/reload/supervisor.h"
#include "runtime/script/generation.h"
#include "runtime/script/script.h"
#include "runtime/zmq/context.h"
#include "runtime/shutdown.h"

static const char script_text[] =
    "local zeroless = require 'zeroless'\n"
    "local Server, Client = zeroless.Server, zeroless.Client\n"
    "local function two(make_server, make_client)\n"
    "  local name = 'inproc://allocation' .. zeroless.now()\n"
    "  local server = Server{endpoint = name}\n"
    "  local client = Client():connect(name)\n"
    "  return server, client\n"
    "end\n"
    "local server, client = two()\n"
    "local pull, push = server:pull(), client:push()\n"
    "for i = 1, 20 do push(('x'):rep(i * 100) .. i, 'b', '', i .. '') end\n"
    "for i = 1, 20 do local a, b, c, d = pull() assert(d == i .. '') end\n"
    "server, client = two()\n"
    "local reply, requests = server:reply()\n"
    "zeroless.spawn(function() for m in requests do reply(m .. '!') end end)\n"
    "local request, replies = client:request{timeout = 30, retries = 1}\n"
    "for i = 1, 5 do request('a' .. i) assert(replies() == 'a' .. i .. '!') end\n"
    "server, client = two()\n"
    "local pub, sub = server:pub{topic = 't', embed_topic = true}, client:sub{topics = {'t', "
    "'u'}}\n"
    "assert(pub:wait_subscribers(2, 30))\n"
    "pub('news') assert(select(2, sub()) == 'news')\n"
    "server, client = two()\n"
    "local pair, from = server:pair()\n"
    "local other, from_other = client:pair()\n"
    "pair('p') assert(from_other() == 'p')\n"
    "assert(pcall(Server, 12) == false and client.addresses[1].endpoint)\n"
    "local task = zeroless.spawn(function(...) zeroless.sleep(0.001) return ... end, 1, 'two')\n"
    "assert(select('#', task:join()) == 2)\n"
    "zeroless.log.error('said', {field = 'x' .. 1})\n"
    "zeroless.stop()\n";

/* Runs the script in a fresh host; how many allocations it has made. */
static size_t run_host(size_t failing, int *code)
{
    char *argv[] = {"allocation_test", NULL};
    char *none[] = {NULL};
    struct zl_script script = {.code = script_text,
                               .modules = none,
                               .jit_commands = none,
                               .argv = argv,
                               .argc = 1,
                               .setup.failing = failing,
                               .setup.open = zl_bindings_open};
    const struct zl_supervision none_asked = {.watch = false};
    struct zl_loop *loop = calloc(1, sizeof *loop);
    assert_non_null(loop);
    assert_true(zl_loop_init(loop, 4));
    *code = zl_supervisor_begin(&loop->reload, &script, &none_asked);
    if (*code == 0) {
        zl_loop_run(loop);
        *code = zl_shutdown_drain(loop);
    }
    struct zl_group *group = loop->hub.sched.group;
    struct zl_generation *generation = group ? zl_generation_of(group) : NULL;
    size_t calls = generation ? generation->memory.calls : 0;
    if (generation) {
        zl_generation_close(generation);
        assert_int_equal(group->live, 0);
    }
    assert_int_equal(loop->hub.socket_count, 0);
    zl_loop_fini(loop);
    free(loop);
    return calls;
}

static void test_every_allocation_may_fail(void **state)
{
    enum { MOST = 2000, NEVER = 1 << 30 };
    (void)state;
    int code;
    size_t calls = run_host(NEVER, &code);
    assert_int_equal(code, 0);
    assert_true(calls > 100);
    int failed = 0;
    for (size_t n = 1; n <= MOST; n++) {
        run_host(n, &code);
        assert_true(code == ZL_EXIT_OK || code == ZL_EXIT_ERROR || code == ZL_EXIT_UNAVAILABLE);
        failed += code != ZL_EXIT_OK;
    }
    assert_true(failed > 500);
    run_host(NEVER, &code);
    assert_int_equal(code, 0);
    zl_context_stop();
}

/* The tracebacks of the failing runs are of no interest. */
static int silence(void **state)
{
    (void)state;
    int null = open("/dev/null", O_WRONLY);
    int saved = dup(STDERR_FILENO);
    dup2(null, STDERR_FILENO);
    close(null);
    *state = (void *)(intptr_t)saved;
    return 0;
}

static int speak(void **state)
{
    int saved = (int)(intptr_t)*state;
    dup2(saved, STDERR_FILENO);
    close(saved);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, silence, speak)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
