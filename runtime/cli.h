/* SPDX-License-Identifier: MIT */
/* The command line options of the host itself. Called once, by main. */
#pragma once

#include <stdbool.h>

#include "runtime/reload/serving.h"
#include "runtime/script/script.h"

struct zl_cli {
    struct zl_script script;
    struct zl_supervision supervision;
    double drain_timeout;    /* seconds */
    double max_handler_time; /* seconds; 0 for no limit */
    int exit_code;           /* when zl_cli_parse returns false */
};

/* Fills `cli` from the command line and sets the log's level and format. False if the process is
 * done, because it has printed the help, the version or a usage error. zl_cli_free frees the arrays
 * of `cli`. */
bool zl_cli_parse(struct zl_cli *cli, int argc, char **argv);
void zl_cli_free(struct zl_cli *cli);
