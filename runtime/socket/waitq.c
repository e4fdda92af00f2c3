/* SPDX-License-Identifier: MIT */
/* See waitq.h. */
#include "runtime/socket/waitq.h"

#include "runtime/socket/work.h"

void zl_lane_wake_all(struct zl_lane *lane, enum zl_wake wake)
{
    struct zl_task *task;
    while ((task = TAILQ_FIRST(&lane->waiters)))
        zl_task_wake(task, wake);
}

void zl_socket_wait(struct zl_socket *socket, enum zl_direction direction, uint64_t deadline)
{
    struct zl_lane *lane = &socket->lanes[direction];
    struct zl_hub *hub = socket->hub;
    bool is_busy = hub->sched.current->is_busy && direction == ZL_OUT;
    zl_task_wait(hub->sched.current, &lane->waiters, hub->had_turn, deadline);
    hub->sched.current->is_busy = is_busy;
    lane->gate = true;
}

void zl_socket_touch(struct zl_socket *socket)
{
    if (socket->is_touched)
        return;
    socket->is_touched = true;
    TAILQ_INSERT_TAIL(&socket->hub->touched, socket, touched);
}

void zl_socket_calm(struct zl_socket *socket)
{
    if (!socket->is_touched || socket->route_count > 1)
        return;
    socket->is_touched = false;
    TAILQ_REMOVE(&socket->hub->touched, socket, touched);
}

void zl_socket_pass_turn(const struct zl_task *task)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &zl_hub_of(task)->sockets, all)
    {
        for (int i = ZL_IN; i <= ZL_OUT; i++) {
            if (socket->lanes[i].turn != task)
                continue;
            socket->lanes[i].turn = NULL;
            zl_socket_touch(socket);
        }
    }
}
