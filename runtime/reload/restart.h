/* SPDX-License-Identifier: MIT */
/* A failed script is started again after a pause (--restart). Belongs to the loop's thread. */
#pragma once

#include "runtime/reload/serving.h"

/* Nobody serves: the script is started again after a pause, if it is to be. */
void zl_restart_schedule(struct zl_serving *reload);
