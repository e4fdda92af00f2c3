/* SPDX-License-Identifier: MIT */
/* A generation: one fresh lua_State with one script loaded in it. It uses the loop's sockets and
 * tasks; when it goes, the sockets stay with the host. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "runtime/vm.h"

struct zl_loop;

/* What a generation is made from. */
struct zl_script {
    const char *file;    /* "-" is standard input; NULL with `code` */
    const char *code;    /* -e */
    char **modules;      /* -l, ends with NULL */
    char **jit_commands; /* -j, ends with NULL */
    char **argv;         /* the whole command line, for arg[] */
    int argc;
    int first;          /* index in argv of the script; its arguments follow. With -e: of the last
                           word before its arguments */
    size_t max_memory;  /* bytes; 0 = no limit */
    size_t failing;     /* see struct zl_memory; 0 outside of tests */
    lua_CFunction open; /* makes the bindings; gets the loop as light userdata */
};

struct zl_generation {
    lua_State *L;
    struct zl_loop *loop;
    struct zl_memory memory;
    int number;  /* 1, 2, 3... */
    int on_stop; /* a reference to the function that runs zeroless.on_stop's, or LUA_NOREF */
    char unavailable[1024]; /* the last endpoint error that was raised: it has an exit code of its
                               own */
};

/* Loads the script and makes its main task ready. Returns 0, or an exit code after the reason was
 * printed. */
int zl_generation_start(struct zl_generation *generation, struct zl_loop *loop,
                        const struct zl_script *script);

/* A task of it has failed with the error value at the top of `co`, or with `message` when that is
 * not NULL: prints it with the traceback of `co` (NULL: the message has one) and fails the loop.
 * Never raises. */
void zl_generation_failed(struct zl_generation *generation, lua_State *co, const char *message);

/* Makes a task that runs the functions given to zeroless.on_stop, if there are any. */
void zl_generation_run_callbacks(struct zl_generation *generation);

void zl_generation_close(struct zl_generation *generation);
