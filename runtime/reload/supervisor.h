/* SPDX-License-Identifier: MIT */
/* The generations of a running host: when an attempt to replace the serving one is made, and what
 * becomes of one that fails while it serves. It is replaced on the same sockets, by the one before
 * it, by the next save or by the same code after a pause. Belongs to the loop's thread. */
#pragma once

#include "runtime/reload/serving.h"

void zl_supervisor_init(struct zl_serving *reload, struct zl_hub *hub, struct zl_host *host);
void zl_supervisor_fini(struct zl_serving *reload);

/* Starts the first generation. Returns 0, or an exit code after the reason was printed. */
int zl_supervisor_begin(struct zl_serving *reload, const struct zl_script *script,
                        const struct zl_supervision *options);

/* Asks for an attempt; it is made at the loop's next turn, after one that is running. */
void zl_supervisor_request(struct zl_serving *reload, const char *trigger);

/* Moves on what is under way: called between tasks. Sets `is_over` when the process is to end. */
void zl_supervisor_turn(struct zl_serving *reload);

/* Whether the process is to stay although no task lives. */
bool zl_supervisor_waits(const struct zl_serving *reload);

/* The process stops: an attempt ends. Returns the exit code: `code`, or that of a generation that
 * has failed. */
int zl_supervisor_stop(struct zl_serving *reload, int code);

/* The process ends although tasks have messages in hand: those that are kept are told in the log
 * and go to the dead letters. */
void zl_supervisor_set_aside(struct zl_serving *reload);
