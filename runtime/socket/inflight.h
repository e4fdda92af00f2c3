/* SPDX-License-Identifier: MIT */
/* What a task has in hand: the message that it handles, until it receives again or ends. Belongs to
 * the loop's thread. */
#pragma once

#include "runtime/socket/work.h"

/* The task has (has no longer) a message of this receiver in hand. What it has received after it
 * goes with it. */
void zl_inflight_hold(struct zl_task *task, struct zl_socket *socket);
void zl_inflight_release(struct zl_task *task, struct zl_socket *socket);

/* Notes that the receiver said "stopping" to the task; false when it had said so before. */
bool zl_inflight_note_stop(struct zl_task *task, struct zl_socket *socket);

/* Whether it has a message in hand, also when it asks the receiver `asked` (NULL: none) again. */
bool zl_inflight_is_handling(const struct zl_task *task, const struct zl_socket *asked);

/* Whether it waits for a message that a receiver hands out; for the reply to a request. */
bool zl_inflight_is_receiving(const struct zl_task *task);
bool zl_inflight_awaits_reply(const struct zl_task *task);

/* For struct zl_task_ops. */
void zl_inflight_inherit(struct zl_task *child, const struct zl_task *parent);
void zl_inflight_end(struct zl_task *task);
