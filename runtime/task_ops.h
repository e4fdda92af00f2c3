/* SPDX-License-Identifier: MIT */
/* What the layers have to say about tasks, put together for the scheduler. */
#pragma once

#include "runtime/sched/task.h"

extern const struct zl_task_ops zl_task_ops_of_host;
