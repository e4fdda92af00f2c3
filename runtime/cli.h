/* SPDX-License-Identifier: MIT */
/* The host's own options on the command line. Called once by main. */
#pragma once

#include <stdbool.h>

#include "runtime/reload/serving.h"
#include "runtime/script/script.h"

struct zl_cli {
    struct zl_script script;
    struct zl_supervision supervision;
    double drain_timeout;    /* seconds */
    double max_handler_time; /* seconds; 0 for no limit */
    int exit_code;           /* when zl_cli_parse says false */
};

/* Fills `cli` from the command line and sets the log's level and format. False when the process is
 * done: help or version was printed, or a mistake in the usage was. The arrays that `cli` points to
 * are kept until zl_cli_free. */
bool zl_cli_parse(struct zl_cli *cli, int argc, char **argv);
void zl_cli_free(struct zl_cli *cli);
