/* SPDX-License-Identifier: MIT */
/* Connects command line, loop, generation and bindings; then drains and exits. */
#include <stdio.h>
#include <stdlib.h>

#include "bindings/core.h"
#include "runtime/base/exit.h"
#include "runtime/base/fork.h"
#include "runtime/base/hangup.h"
#include "runtime/base/heap.h"
#include "runtime/base/limits.h"
#include "runtime/base/log.h"
#include "runtime/base/standard.h"
#include "runtime/cli.h"
#include "runtime/loop.h"
#include "runtime/reload/supervisor.h"
#include "runtime/script/generation.h"
#include "runtime/zmq/context.h"
#include "runtime/shutdown.h"

static int run(struct zl_cli *cli, struct zl_loop *loop)
{
    cli->script.setup.open = zl_bindings_open;
    loop->hub.sched.watchdog.account = zl_shutdown_account;
    loop->hub.sched.watchdog.account_arg = loop;
    if (cli->supervision.watch || cli->supervision.restart)
        zl_loop_engage(loop);
    int code = zl_supervisor_begin(&loop->reload, &cli->script, &cli->supervision);
    if (code != 0)
        return code;
    zl_loop_run(loop);
    return zl_shutdown_drain(loop);
}

static bool limit_handlers(const struct zl_cli *cli, struct zl_loop *loop)
{
    if (cli->max_handler_time == 0 ||
        zl_runaway_start(&loop->hub.sched.runaway, cli->max_handler_time))
        return true;
    perror("zlrun: the timer for --max-handler-time could not be created");
    return false;
}

static int run_script(struct zl_cli *cli)
{
    zl_heap_tune();
    zl_limits_raise();
    struct zl_loop *loop = calloc(1, sizeof *loop);
    int code = ZL_EXIT_ERROR;
    if (!loop)
        fputs("zlrun: not enough memory\n", stderr);
    if (loop && limit_handlers(cli, loop) && zl_loop_init(loop, cli->drain_timeout)) {
        code = run(cli, loop);
        bool has_requests = zl_loop_close(loop);
        bool has_ended = zl_context_stop();
        code = zl_shutdown_leave(loop, code);
        zl_exit_prepare(code, has_requests || !has_ended);
    }
    free(loop);
    return code;
}

int main(int argc, char **argv)
{
    zl_fork_start();
    zl_hangup_hold();
    zl_standard_fill();
    zl_log_start();
    struct zl_cli cli;
    int code = zl_cli_parse(&cli, argc, argv) ? run_script(&cli) : cli.exit_code;
    zl_cli_free(&cli);
    return zl_standard_finish(code);
}
