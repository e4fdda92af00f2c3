/* SPDX-License-Identifier: MIT */
/* The messages in the hands of tasks, kept so that one is not lost when its task fails: it is told
 * in the log, given again to the next generation, or set aside. Copies are made only while
 * `hub->redelivery.keeps` is set, which is when a generation may be replaced after an error.
 * Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "runtime/socket/socket.h"

/* The last `count` messages of the recvbuf are the frames of a message that the task has received.
 * Does without when there is no memory. */
void zl_delivery_track(struct zl_task *task, struct zl_socket *socket, unsigned count);

/* The task has handled what it had of the socket, and what it has received since (NULL: all). */
void zl_delivery_ack(struct zl_task *task, const struct zl_socket *socket);

/* The child handles what its parent has in hand, too. */
void zl_delivery_inherit(struct zl_task *child, const struct zl_task *parent);

/* The generation of the task has failed, because of this task when it is `blamed`: its messages are
 * told in the log and given to the next generation, or to the dead letters. */
void zl_delivery_reject(struct zl_task *task, bool blamed);

/* The last `count` messages of the recvbuf are the frames of a message that was read ahead: it is
 * moved behind those to be given again. False, and the message stays, without memory. */
bool zl_delivery_read_ahead(struct zl_socket *socket, unsigned count);

/* The next message to be given again goes to the running task: the number of its frames, which are
 * copied to the recvbuf, or -1 without memory, nothing taken. */
int zl_delivery_redeliver(struct zl_socket *socket);

/* The socket closes: what was to be given again is set aside; so is what was read ahead, which
 * zl_drain_count_dropped has logged. */
void zl_delivery_drop(struct zl_socket *socket);
