/* SPDX-License-Identifier: MIT */
/* The scheduler's table of operations (sched/task.h), assembled from the layers above. Belongs to
 * the loop's thread. */
#pragma once

#include "runtime/sched/task.h"

extern const struct zl_task_ops zl_task_ops_of_host;
