/* SPDX-License-Identifier: MIT */
/* The script of a generation: finding, compiling and starting it. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>

#include "runtime/script/generation.h"

/* What a generation is made from. */
struct zl_script {
    const char *file;    /* "-" is standard input; NULL with `code` */
    const char *code;    /* -e */
    char **modules;      /* -l, NULL-terminated */
    char **jit_commands; /* -j, NULL-terminated */
    char **argv;         /* the whole command line, for arg[] */
    int argc;
    int first; /* index of the script in argv; its arguments follow. With -e: index of the last word
                  before the arguments */
    struct zl_setup setup;
};

/* Whether the script exists and is readable; if not, prints the reason. */
bool zl_script_find(const struct zl_script *script);

/* Compiles the script. For a reload, its other files can then be compiled ahead (ahead.h). False,
 * with `why` filled (ZL_WHY_MAX bytes), on failure. */
bool zl_script_compile(struct zl_generation *generation, const struct zl_script *script,
                       bool is_reload, char *why);

/* Spawns the main task of the compiled script. An error on the way fails the generation. */
void zl_script_begin(struct zl_generation *generation, const struct zl_script *script);
