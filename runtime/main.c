/* SPDX-License-Identifier: MIT */
/* Wiring: command line, loop, generation, bindings; then the drain and the exit code. */
#include <stdlib.h>

#include "bindings/core.h"
#include "runtime/cli.h"
#include "runtime/context.h"
#include "runtime/exit.h"
#include "runtime/generation.h"
#include "runtime/heap.h"
#include "runtime/loop.h"

static int run(struct zl_cli *cli, struct zl_loop *loop)
{
    cli->script.open = zl_bindings_open;
    int code = zl_reload_begin(loop, &cli->script, &cli->supervision);
    if (code != 0)
        return code;
    zl_loop_run(loop);
    return zl_loop_drain(loop);
}

int main(int argc, char **argv)
{
    struct zl_cli cli;
    if (!zl_cli_parse(&cli, argc, argv)) {
        zl_cli_free(&cli);
        return cli.exit_code;
    }
    zl_heap_tune();
    zl_context_raise_limits();
    struct zl_loop *loop = calloc(1, sizeof *loop);
    int code = ZL_EXIT_ERROR;
    if (loop && zl_loop_init(loop, cli.drain_timeout)) {
        code = run(&cli, loop);
        bool has_requests = zl_loop_fini(loop);
        zl_context_stop();
        zl_exit_prepare(code, has_requests);
    }
    free(loop);
    zl_cli_free(&cli);
    return code;
}
