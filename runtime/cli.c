/* SPDX-License-Identifier: MIT */
/* See cli.h. getopt_long stops at the script: everything after it belongs to the script. */
#include "runtime/cli.h"

#include <getopt.h>
#include <lua.h>
#include <luajit.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "runtime/base/exit.h"
#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/zmq/libzmq.h"

static const char help[] =
    "usage: zlrun [options] SCRIPT [args]     run a Lua script; - is standard input\n"
    "       zlrun [options] -e CODE [args]    run CODE\n"
    "\n"
    "  -e CODE              run CODE instead of a script\n"
    "  -l MODULE            require MODULE first\n"
    "  -j COMMAND           a command for the JIT compiler, as luajit takes it: off, v, dump=...\n"
    "  --watch              reload when a file of the script changes (SIGHUP reloads always)\n"
    "  --restart            start a failed script again, on the same sockets\n"
    "  --redeliver N        redeliver a message whose handler failed, up to N times\n"
    "  --dead-letter FILE   append messages that could not be handled to FILE\n"
    "  --probation N        return to the previous code if the new code fails within N messages\n"
    "  --log-level LEVEL    debug, info (default), warn, error or silent\n"
    "  --log-format FORMAT  text (default on a terminal), logfmt (default elsewhere) or json\n"
    "  --drain-timeout S    seconds to finish and flush when the process stops (default 10)\n"
    "  --max-handler-time S seconds of processor time after which code that does not wait is\n"
    "                       interrupted by an error (default: no limit)\n"
    "  --max-memory MB      limit of the script's memory, in MiB (default: no limit); turns the\n"
    "                       JIT compiler off: compiled code cannot handle a failed allocation\n"
    "                       (-jon overrules)\n"
    "  --version            print the versions of zlrun and its libraries\n"
    "  -h, --help           print this text\n"
    "\n"
    "exit codes: 0 done, 1 uncaught error, 2 usage, 66 no such script, 69 endpoint unavailable,\n"
    "            74 output could not be written, 75 drain deadline passed with work unfinished or\n"
    "            messages unsent, 130 second Ctrl-C\n";

static bool print_version(void)
{
    char why[ZL_WHY_MAX];
    int major, minor, patch;
    if (!zl_libzmq_load(why)) {
        fprintf(stderr, "zlrun: %s\n", why);
        return false;
    }
    zmq_version(&major, &minor, &patch);
    printf("zlrun %s (%s, libzmq %d.%d.%d, libuv %s)\n", ZLRUN_VERSION, LUAJIT_VERSION, major,
           minor, patch, uv_version_string());
    return true;
}

enum { UNDECIDED = -1 }; /* the exit code while the process is to run */

static bool finish(struct zl_cli *cli, int code)
{
    cli->exit_code = code;
    return false;
}

static bool read_number(const char *text, double most, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out) && *out >= 0 && *out <= most;
}

static bool read_count(const char *text, double *out)
{
    return read_number(text, 1e9, out) && *out == floor(*out);
}

static bool set_log_format(const char *name)
{
    static const char *const names[] = {
        [ZL_LOG_TEXT] = "text", [ZL_LOG_LOGFMT] = "logfmt", [ZL_LOG_JSON] = "json"};
    for (int i = ZL_LOG_TEXT; i <= ZL_LOG_JSON; i++) {
        if (strcmp(name, names[i]) == 0) {
            zl_log_set_format((enum zl_log_format)i);
            return true;
        }
    }
    return false;
}

/* Appends a word to a NULL-terminated array. */
static bool append(struct zl_cli *cli, char ***list, char *word)
{
    size_t count = 0;
    while (*list && (*list)[count])
        count++;
    char **grown = realloc(*list, (count + 2) * sizeof *grown);
    if (!grown) {
        fputs("zlrun: not enough memory\n", stderr);
        return finish(cli, ZL_EXIT_ERROR);
    }
    grown[count] = word;
    grown[count + 1] = NULL;
    *list = grown;
    return true;
}

/* --- the options ------------------------------------------------------------------------------ */

enum { MOST_SECONDS = 1000000, MOST_MEGABYTES = 1 << 20 };

/* Each function applies the value of one option. False if the value is invalid, or if the process
 * is done (finish). */

static bool take_code(struct zl_cli *cli, char *value)
{
    if (cli->script.code)
        return false;
    cli->script.code = value;
    return true;
}

static bool take_module(struct zl_cli *cli, char *value)
{
    return append(cli, &cli->script.modules, value);
}

static bool take_jit_command(struct zl_cli *cli, char *value)
{
    return append(cli, &cli->script.jit_commands, value);
}

static bool take_log_level(struct zl_cli *cli, char *value)
{
    (void)cli;
    enum zl_level level = zl_log_level_find(value);
    if (level == ZL_SILENT && strcmp(value, "silent") != 0)
        return false;
    zl_log_set_level(level);
    return true;
}

static bool take_log_format(struct zl_cli *cli, char *value)
{
    (void)cli;
    return set_log_format(value);
}

static bool take_drain_timeout(struct zl_cli *cli, char *value)
{
    return read_number(value, MOST_SECONDS, &cli->drain_timeout);
}

static bool take_handler_time(struct zl_cli *cli, char *value)
{
    const double LEAST = 0.01;
    return read_number(value, MOST_SECONDS, &cli->max_handler_time) &&
           cli->max_handler_time >= LEAST;
}

static bool take_memory(struct zl_cli *cli, char *value)
{
    double megabytes;
    if (!read_number(value, MOST_MEGABYTES, &megabytes) || megabytes < 1)
        return false;
    cli->script.setup.max_memory = (size_t)(megabytes * 1024 * 1024);
    return true;
}

static bool take_watch(struct zl_cli *cli, char *value)
{
    (void)value;
    return cli->supervision.watch = true;
}

static bool take_restart(struct zl_cli *cli, char *value)
{
    (void)value;
    return cli->supervision.restart = true;
}

static bool take_redeliver(struct zl_cli *cli, char *value)
{
    double count;
    if (!read_count(value, &count))
        return false;
    cli->supervision.redeliver = (int)count;
    return true;
}

static bool take_dead_letter(struct zl_cli *cli, char *value)
{
    cli->supervision.dead_letter = value;
    return true;
}

static bool take_probation(struct zl_cli *cli, char *value)
{
    double count;
    if (!read_count(value, &count))
        return false;
    cli->supervision.probation = (uint64_t)count;
    return true;
}

static bool take_version(struct zl_cli *cli, char *value)
{
    (void)value;
    return finish(cli, print_version() ? ZL_EXIT_OK : ZL_EXIT_ERROR);
}

static bool take_help(struct zl_cli *cli, char *value)
{
    (void)value;
    fputs(help, stdout);
    return finish(cli, ZL_EXIT_OK);
}

static const struct row {
    const char *name; /* a letter, or the long name */
    bool (*take)(struct zl_cli *cli, char *value);
    const char *wanted; /* describes valid values, for the error; NULL = takes no value */
} rows[] = {
    {"e", take_code, "all the code at once"},
    {"l", take_module, "a module"},
    {"j", take_jit_command, "a command"},
    {"log-level", take_log_level, "debug, info, warn, error or silent"},
    {"log-format", take_log_format, "text, logfmt or json"},
    {"drain-timeout", take_drain_timeout, "a number of seconds"},
    {"max-handler-time", take_handler_time, "a number of seconds, 0.01 or more"},
    {"max-memory", take_memory, "a number of MiB, 1 or more"},
    {"watch", take_watch, NULL},
    {"restart", take_restart, NULL},
    {"redeliver", take_redeliver, "a whole number, 0 or more"},
    {"dead-letter", take_dead_letter, "the name of a file"},
    {"probation", take_probation, "a whole number of messages, 0 or more"},
    {"version", take_version, NULL},
    {"help", take_help, NULL},
    {"h", take_help, NULL},
};
enum { ROWS = sizeof rows / sizeof *rows, LONG_OPTION = 256 };

/* The row for the result of getopt_long: a letter, or LONG_OPTION plus the row number. */
static const struct row *find_row(int option)
{
    if (option >= LONG_OPTION)
        return &rows[option - LONG_OPTION];
    for (int i = 0; i < ROWS; i++)
        if (rows[i].name[0] == option && rows[i].name[1] == '\0')
            return &rows[i];
    return NULL;
}

static bool take_option(struct zl_cli *cli, int option, char *value)
{
    const struct row *row = find_row(option);
    if (!row) {
        fputs("see zlrun --help\n", stderr);
        return finish(cli, ZL_EXIT_USAGE);
    }
    if (row->take(cli, value))
        return true;
    if (cli->exit_code != UNDECIDED)
        return false;
    fprintf(stderr, "zlrun: %s%s takes %s, not '%s'; see zlrun --help\n",
            option < LONG_OPTION ? "-" : "--", row->name, row->wanted, value);
    return finish(cli, ZL_EXIT_USAGE);
}

static void list_long_options(struct option *list)
{
    for (int i = 0; i < ROWS; i++)
        if (rows[i].name[1])
            *list++ =
                (struct option){rows[i].name, rows[i].wanted ? required_argument : no_argument,
                                NULL, LONG_OPTION + i};
    *list = (struct option){NULL, 0, NULL, 0};
}

bool zl_cli_parse(struct zl_cli *cli, int argc, char **argv)
{
    struct option options[ROWS + 1];
    list_long_options(options);
    *cli = (struct zl_cli){.drain_timeout = 10, .exit_code = UNDECIDED};
    if (!append(cli, &cli->script.modules, NULL) || !append(cli, &cli->script.jit_commands, NULL))
        return false;
    int option;
    while ((option = getopt_long(argc, argv, "+e:l:j:h", options, NULL)) != -1)
        if (!take_option(cli, option, optarg))
            return false;
    const struct zl_supervision *supervision = &cli->supervision;
    if ((supervision->redeliver > 0 || supervision->dead_letter) && !supervision->watch &&
        !supervision->restart) {
        fputs("zlrun: --redeliver and --dead-letter need --restart or --watch: without them a "
              "failed script ends the process\n",
              stderr);
        return finish(cli, ZL_EXIT_USAGE);
    }
    cli->script.argv = argv;
    cli->script.argc = argc;
    cli->script.first = cli->script.code ? optind - 1 : optind;
    if (!cli->script.code && optind == argc) {
        fputs("zlrun: no script given; run zlrun SCRIPT [args], or see zlrun --help\n", stderr);
        return finish(cli, ZL_EXIT_USAGE);
    }
    cli->script.file = cli->script.code ? NULL : argv[optind];
    return true;
}

void zl_cli_free(struct zl_cli *cli)
{
    free(cli->script.modules);
    free(cli->script.jit_commands);
}
