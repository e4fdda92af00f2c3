/* SPDX-License-Identifier: MIT */
/* One attempt to replace the serving generation. It goes through compile, park, state, start and
 * commit; any error on the way rolls back to the generation that has been serving. Each attempt
 * writes one line to the log, whatever its end. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/log.h"

struct zl_generation;
struct zl_loop;

enum zl_stage { ZL_COMPILE, ZL_PARK, ZL_STATE, ZL_START, ZL_COMMIT, ZL_PROBATION, ZL_STAGES };

/* For its line in the log. Times are on the clock of zl_loop_now. */
struct zl_attempt {
    const char *trigger; /* "SIGHUP", "watch", "restart"; NULL while there is none */
    enum zl_stage stage;
    int number;      /* of the generation to be */
    char files[512]; /* those that have changed */
    char error[512];
    uint64_t begun[ZL_STAGES]; /* probation: when it began, also where there is none */
};

/* A generation of the script, empty yet. NULL and `why` (ZL_WHY_MAX bytes). */
struct zl_generation *zl_attempt_make_next(struct zl_loop *loop, char *why);

/* Begins one, unless it is for changed files and none has: with an error it has ended again, else
 * loop->reload.next is being compiled. */
void zl_attempt_begin(struct zl_loop *loop, const char *trigger);

/* Whether that goes on; and goes on with it for a moment, between which messages are handled. At
 * its end the serving generation is being parked; with an error the attempt has ended. */
bool zl_attempt_is_compiling(const struct zl_loop *loop);
void zl_attempt_compile(struct zl_loop *loop);

/* The serving generation is at rest, or gone: starts the next one; commits or rolls back. */
void zl_attempt_switch_over(struct zl_loop *loop);

/* Puts `old` to work in the place of `next`, which has failed; the attempt has failed. */
void zl_attempt_roll_back(struct zl_loop *loop, struct zl_generation *old,
                          struct zl_generation *next);

/* The generation on probation has proved itself. */
void zl_attempt_end_probation(struct zl_loop *loop);

/* Tells of the last attempt, which has failed, now and again after a while. */
void zl_attempt_report_failure(struct zl_loop *loop, enum zl_level level);
