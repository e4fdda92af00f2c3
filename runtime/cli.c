/* SPDX-License-Identifier: MIT */
/* See cli.h. getopt_long stops at the script: what follows it belongs to the script. */
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
#include "runtime/loop.h"
#include "runtime/zmq/libzmq.h"

enum {
    OPTION_LOG_LEVEL = 256,
    OPTION_LOG_FORMAT,
    OPTION_DRAIN,
    OPTION_MEMORY,
    OPTION_HANDLER_TIME,
    OPTION_WATCH,
    OPTION_RESTART,
    OPTION_REDELIVER,
    OPTION_DEAD_LETTER,
    OPTION_PROBATION,
    OPTION_VERSION
};

static const struct option options[] = {
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"log-format", required_argument, NULL, OPTION_LOG_FORMAT},
    {"drain-timeout", required_argument, NULL, OPTION_DRAIN},
    {"max-memory", required_argument, NULL, OPTION_MEMORY},
    {"max-handler-time", required_argument, NULL, OPTION_HANDLER_TIME},
    {"watch", no_argument, NULL, OPTION_WATCH},
    {"restart", no_argument, NULL, OPTION_RESTART},
    {"redeliver", required_argument, NULL, OPTION_REDELIVER},
    {"dead-letter", required_argument, NULL, OPTION_DEAD_LETTER},
    {"probation", required_argument, NULL, OPTION_PROBATION},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "usage: zlrun [options] SCRIPT [args]     run a Lua script; - is standard input\n"
    "       zlrun [options] -e CODE [args]    run CODE\n"
    "\n"
    "  -e CODE              run CODE instead of a script\n"
    "  -l MODULE            require MODULE first\n"
    "  -j COMMAND           a command for the JIT compiler, as luajit takes it: off, v, dump=...\n"
    "  --watch              reload when a file of the script changes (SIGHUP reloads always)\n"
    "  --restart            start a failed script again, on the same sockets\n"
    "  --redeliver N        give a message whose handler failed again, up to N times\n"
    "  --dead-letter FILE   keep in FILE the messages that no try could handle\n"
    "  --probation N        go back to the code before when the new one fails within N messages\n"
    "  --log-level LEVEL    debug, info (default), warn, error or silent\n"
    "  --log-format FORMAT  text (default on a terminal), logfmt (default elsewhere) or json\n"
    "  --drain-timeout S    seconds to finish and flush when the process stops (default 10)\n"
    "  --max-handler-time S seconds of processor time after which code that does not wait gets an\n"
    "                       error at the line where it is (default: no limit)\n"
    "  --max-memory MB      most memory the script may use, in MiB (default: no limit); turns the\n"
    "                       JIT compiler off, as compiled code cannot take a no (-jon overrules)\n"
    "  --version            versions of zlrun and of what it stands on\n"
    "  -h, --help           this text\n"
    "\n"
    "exit codes: 0 done, 1 uncaught error, 2 usage, 66 no such script, 69 endpoint not to be had,\n"
    "            74 something printed could not be written, 75 drain deadline passed with\n"
    "            something unsent, 130 second Ctrl-C\n";

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

static bool finish(struct zl_cli *cli, int code)
{
    cli->exit_code = code;
    return false;
}

static bool misuse(struct zl_cli *cli, const char *option, const char *value, const char *wanted)
{
    fprintf(stderr, "zlrun: %s takes %s, not '%s'; see zlrun --help\n", option, wanted, value);
    return finish(cli, ZL_EXIT_USAGE);
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

/* Adds a word to an array that ends with NULL. */
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

static bool take_option(struct zl_cli *cli, int option, char *value)
{
    enum { MOST_SECONDS = 1000000, MOST_MEGABYTES = 1 << 20 };
    const double LEAST_HANDLER_SECONDS = 0.01;
    double number;
    switch (option) {
    case 'e':
        if (cli->script.code)
            return misuse(cli, "-e", value, "all the code at once");
        cli->script.code = value;
        return true;
    case 'l':
        return append(cli, &cli->script.modules, value);
    case 'j':
        return append(cli, &cli->script.jit_commands, value);
    case OPTION_LOG_LEVEL:
        if (zl_log_level_find(value) == ZL_SILENT && strcmp(value, "silent") != 0)
            return misuse(cli, "--log-level", value, "debug, info, warn, error or silent");
        zl_log_set_level(zl_log_level_find(value));
        return true;
    case OPTION_LOG_FORMAT:
        return set_log_format(value) || misuse(cli, "--log-format", value, "text, logfmt or json");
    case OPTION_DRAIN:
        return read_number(value, MOST_SECONDS, &cli->drain_timeout) ||
               misuse(cli, "--drain-timeout", value, "a number of seconds");
    case OPTION_HANDLER_TIME:
        return (read_number(value, MOST_SECONDS, &cli->max_handler_time) &&
                cli->max_handler_time >= LEAST_HANDLER_SECONDS) ||
               misuse(cli, "--max-handler-time", value, "a number of seconds, 0.01 or more");
    case OPTION_MEMORY:
        if (!read_number(value, MOST_MEGABYTES, &number) || number < 1)
            return misuse(cli, "--max-memory", value, "a number of MiB, 1 or more");
        cli->script.setup.max_memory = (size_t)(number * 1024 * 1024);
        return true;
    case OPTION_WATCH:
        cli->supervision.watch = true;
        return true;
    case OPTION_RESTART:
        cli->supervision.restart = true;
        return true;
    case OPTION_REDELIVER:
        if (!read_count(value, &number))
            return misuse(cli, "--redeliver", value, "a whole number, 0 or more");
        cli->supervision.redeliver = (int)number;
        return true;
    case OPTION_DEAD_LETTER:
        cli->supervision.dead_letter = value;
        return true;
    case OPTION_PROBATION:
        if (!read_count(value, &number))
            return misuse(cli, "--probation", value, "a whole number of messages, 0 or more");
        cli->supervision.probation = (uint64_t)number;
        return true;
    case OPTION_VERSION:
        return finish(cli, print_version() ? ZL_EXIT_OK : ZL_EXIT_ERROR);
    case 'h':
        fputs(help, stdout);
        return finish(cli, ZL_EXIT_OK);
    default:
        fputs("see zlrun --help\n", stderr);
        return finish(cli, ZL_EXIT_USAGE);
    }
}

bool zl_cli_parse(struct zl_cli *cli, int argc, char **argv)
{
    *cli = (struct zl_cli){.drain_timeout = 10};
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
        fputs("zlrun: which script? zlrun SCRIPT [args], or zlrun --help\n", stderr);
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
