/* SPDX-License-Identifier: MIT */
/* The generations of a running host: when an attempt to replace the serving one is made, and what
 * becomes of one that fails while it serves. It is replaced on the same sockets, by the one before
 * it, by the next save or by the same code after a pause. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/agenda.h"
#include "runtime/attempt.h"
#include "runtime/deadletter.h"
#include "runtime/finder.h"
#include "runtime/parking.h"
#include "runtime/restart.h"
#include "runtime/source.h"

struct zl_generation;
struct zl_loop;
struct zl_script;
struct zl_watch;

/* What the command line asks for. */
struct zl_supervision {
    bool watch;              /* a changed file starts an attempt; a failed script waits for one */
    bool restart;            /* a failed script is started again */
    int redeliver;           /* a message whose task failed is given again so often */
    const char *dead_letter; /* the file for those that were given often enough; NULL for none */
    uint64_t probation; /* messages that a generation handles before the one before it is closed */
};

struct zl_reload {
    const struct zl_script *script;
    struct zl_supervision options;
    struct zl_generation *fallback; /* parked until the running one has proved itself; or NULL */
    struct zl_generation *next;     /* being compiled, or compiled and waiting for its start */
    struct zl_attempt attempt;      /* the running one, or the last */
    struct zl_attempt trial;        /* the one whose generation is on probation */
    struct zl_sources attempted;    /* what the last attempt has read */
    const char *wanted;             /* the trigger of an attempt still to be made; NULL for none */
    unsigned serial;                /* of the last generation made */
    int number;                     /* of the serving generation */
    int newest;                     /* of the newest that has served */
    uint64_t handled;               /* messages, by the serving generation, while they are kept */
    uint64_t given_up;              /* messages set aside or lost since the last failure */
    uint64_t tries_used;            /* messages to be given again since then */
    uint64_t begun;                 /* the first generation, on the clock of zl_loop_now */
    bool has_served;                /* a generation has, so there is code to go back to */
    struct zl_parking parking;
    struct zl_finder finder; /* while a generation starts */
    struct zl_restart restart;
    struct zl_deadletter dead_letter;
    struct zl_watch *watch; /* NULL without --watch */
    size_t watched;         /* files that it was given; 0: to be given anew */
    char *state;            /* zeroless.state of a generation that is gone; or NULL */
    size_t state_size;      /* bytes */
    bool has_failed;        /* the last attempt has, and nobody has repaired it */
    bool is_end_told;       /* the script has ended, and that was said */
    struct zl_agenda agenda;
};

void zl_reload_init(struct zl_loop *loop);
void zl_reload_fini(struct zl_loop *loop);

/* Starts the first generation. Returns 0, or an exit code after the reason was printed. */
int zl_reload_begin(struct zl_loop *loop, const struct zl_script *script,
                    const struct zl_supervision *options);

/* Asks for an attempt; it is made at the loop's next turn, after one that is running. */
void zl_reload_request(struct zl_loop *loop, const char *trigger);

/* Moves on what is under way: called between tasks. */
void zl_reload_turn(struct zl_loop *loop);

/* Whether the process is to stay although no task lives. */
bool zl_reload_waits(const struct zl_loop *loop);

/* The process stops: an attempt ends. */
void zl_reload_stop(struct zl_loop *loop);

/* The process ends although tasks have messages in hand: those that are kept are told in the log
 * and go to the dead letters. */
void zl_reload_set_aside(struct zl_loop *loop);

/* For attempts. */

/* Whether a generation is at work that has not failed. */
bool zl_reload_is_serving(const struct zl_loop *loop);

/* Messages in hand are kept while an error may bring another generation to work. */
void zl_reload_update_keeping(struct zl_loop *loop);

/* Nobody serves: the script is started again after a pause, if it is to be. */
void zl_reload_schedule_restart(struct zl_loop *loop);
