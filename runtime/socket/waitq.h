/* SPDX-License-Identifier: MIT */
/* The tasks that wait for a socket, and the sockets that must be asked before the loop sleeps.
 * Belongs to the loop's thread. */
#pragma once

#include "runtime/socket/socket.h"

/* Ends the wait of every task in the waitq. */
void zl_waitq_wake_all(struct zl_waitq *waitq, enum zl_wake wake);

/* Registers the running task as waiting for the waitq, behind the others unless it was its turn
 * just now and it found nothing; the caller yields right after, and has asked libzmq right before.
 * `deadline` as in zl_task_wait. */
void zl_waitq_wait(struct zl_socket *socket, enum zl_direction direction, uint64_t deadline);

/* The task stays where it is for now, or has ended: the turn that it was given somewhere goes to
 * the next. */
void zl_waitq_pass_baton(const struct zl_task *task);

/* libzmq was called: its descriptor may stay silent about what that call took note of, so the
 * socket is asked before the loop sleeps (see zl_admission_poll_dirty). */
void zl_waitq_mark_dirty(struct zl_socket *socket);

/* libzmq has worked off all it knew, and there was nothing to do for anybody: its descriptor will
 * tell of news, the socket need not be asked before the sleep. */
void zl_waitq_clear_dirty(struct zl_socket *socket);
