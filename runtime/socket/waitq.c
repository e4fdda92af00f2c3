/* SPDX-License-Identifier: MIT */
/* See waitq.h. */
#include "runtime/socket/waitq.h"

#include "runtime/socket/work.h"

void zl_waitq_wake_all(struct zl_waitq *waitq, enum zl_wake wake)
{
    struct zl_task *task;
    while ((task = TAILQ_FIRST(&waitq->waiters)))
        zl_task_wake(task, wake);
}

void zl_waitq_wait(struct zl_socket *socket, enum zl_direction direction, uint64_t deadline)
{
    struct zl_waitq *waitq = &socket->waitqs[direction];
    struct zl_hub *hub = socket->hub;
    bool is_busy = hub->sched.current->is_busy && direction == ZL_OUT;
    zl_task_wait(hub->sched.current, &waitq->waiters, hub->had_baton, deadline);
    hub->sched.current->is_busy = is_busy;
    waitq->slow_path = true;
}

void zl_waitq_mark_dirty(struct zl_socket *socket)
{
    if (socket->is_dirty)
        return;
    socket->is_dirty = true;
    TAILQ_INSERT_TAIL(&socket->hub->dirty, socket, dirty);
}

void zl_waitq_clear_dirty(struct zl_socket *socket)
{
    if (!socket->is_dirty || socket->route_count > 1)
        return;
    socket->is_dirty = false;
    TAILQ_REMOVE(&socket->hub->dirty, socket, dirty);
}

void zl_waitq_pass_baton(const struct zl_task *task)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &zl_hub_of(task)->sockets, all)
    {
        for (int i = ZL_IN; i <= ZL_OUT; i++) {
            if (socket->waitqs[i].baton != task)
                continue;
            socket->waitqs[i].baton = NULL;
            zl_waitq_mark_dirty(socket);
        }
    }
}
