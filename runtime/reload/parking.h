/* SPDX-License-Identifier: MIT */
/* Parking: the serving generation is brought to rest, so that the next one can take over. Whoever
 * has something to finish runs on; a task that keeps the reload waiting is named in the log.
 * Belongs to the loop's thread. */
#pragma once

#include "runtime/reload/serving.h"

/* The serving generation hands out nothing more until it is at rest. */
void zl_parking_begin(struct zl_serving *reload);
void zl_parking_end(struct zl_serving *reload);

/* Whether the serving generation is at rest, or gone; helps it on. Called between tasks. */
bool zl_parking_is_over(struct zl_serving *reload);
