/* SPDX-License-Identifier: MIT */
/* The script of a generation: found, compiled, begun. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>

#include "runtime/script/generation.h"

/* What a generation is made from. */
struct zl_script {
    const char *file;    /* "-" is standard input; NULL with `code` */
    const char *code;    /* -e */
    char **modules;      /* -l, ends with NULL */
    char **jit_commands; /* -j, ends with NULL */
    char **argv;         /* the whole command line, for arg[] */
    int argc;
    int first; /* index in argv of the script; its arguments follow. With -e: of the last
                  word before its arguments */
    struct zl_setup setup;
};

/* Whether there is a script to run; where not, says so on standard error. */
bool zl_script_find(const struct zl_script *script);

/* Compiles the script; for a reload, the rest can then be compiled ahead (ahead.h). False and
 * `why`. */
bool zl_script_compile(struct zl_generation *generation, const struct zl_script *script,
                       bool is_reload, char *why);

/* Makes the main task of the compiled script ready. An error on the way fails the generation. */
void zl_script_begin(struct zl_generation *generation, const struct zl_script *script);
