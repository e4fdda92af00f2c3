/* SPDX-License-Identifier: MIT */
/* One attempt to replace the serving generation. It goes through compile, park, state, start and
 * commit; any error on the way rolls back to the generation that has been serving. Each attempt
 * writes one line to the log, whatever its end. Belongs to the loop's thread. */
#pragma once

#include "runtime/base/log.h"
#include "runtime/reload/serving.h"

/* A generation of the script, empty yet. NULL and `why` (ZL_WHY_MAX bytes). */
struct zl_generation *zl_reload_make_next(struct zl_serving *reload, char *why);

/* Begins one, unless it is for changed files and none has: with an error it has ended again, else
 * serving->next is being compiled. */
void zl_reload_begin(struct zl_serving *reload, const char *trigger);

/* Whether that goes on; and goes on with it for a moment, between which messages are handled. At
 * its end the serving generation is being parked; with an error the attempt has ended. */
bool zl_reload_is_compiling(const struct zl_serving *reload);
void zl_reload_compile(struct zl_serving *reload);

/* The serving generation is at rest, or gone: starts the next one; commits or rolls back. */
void zl_reload_switch_over(struct zl_serving *reload);

/* Puts `old` to work in the place of `next`, which has failed; the attempt has failed. */
void zl_reload_roll_back(struct zl_serving *reload, struct zl_generation *old,
                         struct zl_generation *next);

/* The generation on probation has proved itself. */
void zl_reload_end_probation(struct zl_serving *reload);

/* Tells of the last attempt, which has failed, now and again after a while. */
void zl_reload_report_failure(struct zl_serving *reload, enum zl_level level);
