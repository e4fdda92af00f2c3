/* SPDX-License-Identifier: MIT */
/* See inflight.h. */
#include "runtime/socket/inflight.h"

#include <stdlib.h>

#include "runtime/socket/delivery.h"
#include "runtime/socket/socket.h"
#include "runtime/socket/reqrep.h"
#include "runtime/socket/waitq.h"

/* --- sets of sockets ------------------------------------------------------------------------- */

static int set_find(const struct zl_socket_set *set, const struct zl_socket *socket)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->items[i] == socket)
            return (int)i;
    return -1;
}

static bool set_add(struct zl_socket_set *set, struct zl_socket *socket)
{
    if (set_find(set, socket) >= 0)
        return false;
    struct zl_socket **items = realloc(set->items, (set->count + 1) * sizeof *items);
    if (!items)
        return false;
    set->items = items;
    set->items[set->count++] = socket;
    zl_socket_ref_weak(socket);
    return true;
}

/* Forgets those from the one at `begin` on. */
static void set_cut(struct zl_socket_set *set, unsigned begin)
{
    while (set->count > begin)
        zl_socket_unref_weak(set->items[--set->count]);
}

static void set_fini(struct zl_socket_set *set)
{
    set_cut(set, 0);
    free(set->items);
    set->items = NULL;
}

/* One whose socket is closed counts no more. */
bool zl_inflight_is_handling(const struct zl_task *task, const struct zl_socket *asked)
{
    const struct zl_work *work = zl_work_of(task);
    if (work->inherited || zl_reqrep_owes(task))
        return true;
    if (!work->held || work->held == asked)
        return false;
    if (work->held->zmq)
        return true;
    for (unsigned i = 0; i < work->also_held.count && work->also_held.items[i] != asked; i++)
        if (work->also_held.items[i]->zmq)
            return true;
    return false;
}

/* --- the message in hand --------------------------------------------------------------------- */

/* What came after the message of the receiver that is asked again was received to handle that one,
 * and is handled with it. */
static void drop(struct zl_work *work, const struct zl_socket *socket)
{
    int i = work->held == socket ? 0 : set_find(&work->also_held, socket);
    if (i < 0)
        return;
    set_cut(&work->also_held, (unsigned)i);
    if (work->held == socket) {
        work->held = NULL;
        zl_socket_unref_weak((struct zl_socket *)socket);
    }
}

void zl_inflight_hold(struct zl_task *task, struct zl_socket *socket)
{
    struct zl_work *work = zl_work_of(task);
    socket->heard_by = task->sched->group->serial;
    if (task == task->sched->outside)
        return;
    drop(work, socket);
    if (work->held) {
        set_add(&work->also_held, socket);
        return;
    }
    work->held = socket;
    zl_socket_ref_weak(socket);
}

void zl_inflight_release(struct zl_task *task, struct zl_socket *socket)
{
    struct zl_work *work = zl_work_of(task);
    if (work->deliveries)
        zl_delivery_ack(task, socket);
    drop(work, socket);
}

bool zl_inflight_note_stop(struct zl_task *task, struct zl_socket *socket)
{
    task->finishing = true;
    return set_add(&zl_work_of(task)->told, socket);
}

/* The receiver that it waits at; NULL for none. */
static const struct zl_socket *find_awaited(const struct zl_task *task)
{
    const struct zl_socket *socket;
    TAILQ_FOREACH(socket, &zl_hub_of(task)->sockets, all)
    {
        if (task->queue == &socket->waitqs[ZL_IN].waiters)
            return socket;
    }
    return NULL;
}

bool zl_inflight_is_receiving(const struct zl_task *task)
{
    const struct zl_socket *socket = find_awaited(task);
    return socket && socket->pattern->hands_out;
}

bool zl_inflight_awaits_reply(const struct zl_task *task)
{
    const struct zl_socket *socket = find_awaited(task);
    return socket && socket->pattern->id == ZL_REQUEST;
}

/* --- for the scheduler ----------------------------------------------------------------------- */

void zl_inflight_inherit(struct zl_task *child, const struct zl_task *parent)
{
    zl_work_of(child)->inherited = zl_inflight_is_handling(parent, NULL);
    zl_delivery_inherit(child, parent);
}

void zl_inflight_end(struct zl_task *task)
{
    struct zl_work *work = zl_work_of(task);
    zl_delivery_ack(task, NULL);
    zl_reqrep_forget(task);
    if (work->had_baton)
        zl_waitq_pass_baton(task);
    if (work->held)
        zl_socket_unref_weak(work->held);
    work->held = NULL;
    set_fini(&work->also_held);
    set_fini(&work->told);
}
