/* SPDX-License-Identifier: MIT */
/* Orphans: sockets of the generation before that the serving one has not opened. They stay open and
 * queue until its start is over, longer while a save may be in progress, and are then closed; what
 * they had received is set aside or counted, never dropped in silence. Belongs to the loop's
 * thread. */
#pragma once

#include "runtime/reload/serving.h"

/* A generation has taken over: its orphans are decided on later. */
void zl_orphans_begin(struct zl_serving *reload);

/* Closes the orphans when the start of the script is over. Under --watch those of a script that has
 * opened nothing or has ended stay until the next reload, with a warning. Called between tasks. */
void zl_orphans_turn(struct zl_serving *reload);

/* Whether the process is to stay for orphans that a further reload may still take over. */
bool zl_orphans_wait(const struct zl_serving *reload);
