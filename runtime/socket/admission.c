/* SPDX-License-Identifier: MIT */
/* See admission.h. A socket's descriptor only says that libzmq has news; ZMQ_EVENTS says which.
 * Because any call into libzmq may swallow the news, every dirty socket is asked once more before
 * the loop sleeps: a wake-up that is lost is lost for good. */
#include "runtime/socket/admission.h"

#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/inflight.h"
#include "runtime/socket/peers.h"
#include "runtime/socket/reqrep.h"
#include "runtime/socket/route.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/work.h"
#include "runtime/zmq/call.h"

/* A reply socket may hand a request to a task at rest: it may be the one that parking waits for,
 * sent by a task of this very process, or by a peer that this one has asked. */
static bool admit_request(struct zl_hub *hub)
{
    if (hub->admitted == 0)
        return false;
    hub->admitted--;
    return true;
}

/* A generation that is not serving yet, or no more, is given no messages. While it is being parked,
 * a task gets and asks what it needs for a message that it has in hand, and nothing new. */
static bool is_held_back(const struct zl_socket *socket, enum zl_direction direction)
{
    const struct zl_hub *hub = socket->hub;
    enum zl_life life = hub->sched.group->life;
    if (life == ZL_SERVING)
        return false;
    if (direction == ZL_IN ? !socket->pattern->hands_out : socket->pattern->id != ZL_REQUEST)
        return false;
    const struct zl_socket *asked_again = direction == ZL_IN ? socket : NULL;
    if (life == ZL_PARKING && !zl_inflight_is_handling(hub->sched.current, asked_again))
        return direction == ZL_OUT || socket->pattern->id != ZL_REPLY ||
               !admit_request(socket->hub);
    if (life == ZL_PARKING)
        return false;
    return direction == ZL_IN;
}

/* The first that has something to do; while the loop stops or the generation is being parked, tasks
 * at rest stay where they are, and nobody waits behind them. */
static struct zl_task *first_waiter(const struct zl_waitq *waitq)
{
    struct zl_task *task;
    TAILQ_FOREACH(task, &waitq->waiters, link)
    {
        if (task->sched->ops->may_run(task))
            return task;
    }
    return NULL;
}

/* Receivers hand out what was received until nothing is left; each operation then looks at the
 * clock, so that the end of the intake is not kept waiting by slow handlers. */
static int32_t admit_to_the_rest(struct zl_socket *socket, enum zl_direction direction)
{
    struct zl_hub *hub = socket->hub;
    if (direction == ZL_OUT)
        return socket->holds_output ? ZL_AGAIN : 0;
    hub->sched.slice = 0;
    return hub->sched.phase == ZL_DRAINING ? 0 : ZL_STOPPING;
}

int32_t zl_admission_check(struct zl_socket *socket, enum zl_direction direction)
{
    struct zl_waitq *waitq = &socket->waitqs[direction];
    struct zl_hub *hub = socket->hub;
    hub->had_baton = waitq->baton == hub->sched.current;
    if (!socket->zmq || socket->is_closing)
        return ZL_CLOSED;
    bool is_stopping = socket->pattern->hands_out && hub->sched.phase != ZL_RUNNING;
    int32_t code = is_stopping ? admit_to_the_rest(socket, direction) : 0;
    if (code != 0)
        return code;
    if (is_held_back(socket, direction)) {
        if (waitq->baton == hub->sched.current)
            waitq->baton = NULL;
        hub->sched.current->is_busy = false;
        return ZL_AGAIN;
    }
    if (waitq->baton ? waitq->baton != hub->sched.current : first_waiter(waitq) != NULL)
        return ZL_AGAIN;
    waitq->baton = NULL;
    if (direction == ZL_OUT && socket->pattern->awaits_peer && !zl_route_select(socket))
        return ZL_AGAIN;
    bool given_again = direction == ZL_IN && !STAILQ_EMPTY(&socket->again);
    waitq->slow_path = !TAILQ_EMPTY(&waitq->waiters) || given_again ||
                       hub->sched.group->life != ZL_SERVING || (is_stopping && direction == ZL_IN);
    zl_waitq_mark_dirty(socket);
    if (given_again)
        return ZL_GIVEN_AGAIN;
    return direction == ZL_IN && socket->is_cut ? ZL_AGAIN : 0;
}

/* A task at rest in a receive is not left where it is: its loop ends, and what stands behind it
 * runs. */
static void end_receives(struct zl_waitq *waitq)
{
    struct zl_task *task;
    if (waitq->baton)
        waitq->baton->finishing = true;
    TAILQ_FOREACH(task, &waitq->waiters, link)
    task->finishing = true;
    zl_waitq_wake_all(waitq, ZL_WAKE_STOPPING);
}

void zl_admission_drain(struct zl_hub *hub)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        if (socket->pattern->hands_out)
            socket->waitqs[ZL_IN].slow_path = socket->waitqs[ZL_OUT].slow_path = true;
    }
}

void zl_admission_stop(struct zl_hub *hub)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        if (!socket->pattern->hands_out)
            continue;
        socket->waitqs[ZL_IN].slow_path = true;
        end_receives(&socket->waitqs[ZL_IN]);
    }
}

void zl_admission_hold_back(struct zl_hub *hub)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    socket->waitqs[ZL_IN].slow_path = socket->waitqs[ZL_OUT].slow_path = true;
}

void zl_admission_wake_all(struct zl_hub *hub)
{
    struct zl_socket *socket;
    zl_admission_hold_back(hub);
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        for (int i = ZL_IN; i <= ZL_OUT; i++) {
            socket->waitqs[i].baton = NULL;
            zl_waitq_wake_all(&socket->waitqs[i], ZL_WAKE_READY);
        }
        zl_waitq_mark_dirty(socket);
    }
}

static unsigned report_waiters(const struct zl_socket *socket)
{
    const struct zl_task *task;
    char line[128], endpoints[ZL_ENDPOINT_MAX];
    unsigned count = 0;
    TAILQ_FOREACH(task, &socket->waitqs[ZL_OUT].waiters, link)
    {
        zl_task_line(task, line, sizeof line);
        zl_endpoints_describe(socket, endpoints, sizeof endpoints);
        zl_log(
            ZL_ERROR, line,
            "stopped while this %s waited for a peer at %s: nobody is there, and the message was "
            "not sent",
            socket->pattern->name, *endpoints ? endpoints : "no address");
        count++;
    }
    return count;
}

static bool has_peer(const struct zl_socket *socket)
{
    const struct zl_route *route;
    TAILQ_FOREACH(route, &socket->routes, link)
    {
        if (zl_peers_are_there(route))
            return true;
    }
    return false;
}

unsigned zl_admission_report_waiting(struct zl_hub *hub)
{
    struct zl_socket *socket;
    unsigned count = 0;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        if (socket->pattern->awaits_peer && !has_peer(socket))
            count += report_waiters(socket);
    }
    return count;
}

void zl_admission_read_subscriptions(struct zl_socket *socket)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    long before = zl_subscribers_count(&socket->subscribers);
    uint64_t until = zl_clock_in_ms(ZL_ROUTE_READ_MS);
    while (zl_call_receive_frame(socket->zmq, &message) >= 0) {
        zl_subscribers_note(&socket->subscribers, &message);
        if (zl_clock_now() < until)
            continue;
        zl_waitq_mark_dirty(socket); /* the rest in the loop's next turn */
        break;
    }
    zmq_msg_close(&message);
    if (zl_subscribers_count(&socket->subscribers) != before)
        zl_waitq_wake_all(&socket->waitqs[ZL_IN], ZL_WAKE_READY);
}

/* Gives the first waiter of a waitq its turn. */
static void grant(struct zl_waitq *waitq)
{
    struct zl_task *task = waitq->baton ? NULL : first_waiter(waitq);
    if (!task)
        return;
    waitq->baton = task;
    zl_work_of(task)->had_baton = true;
    zl_task_wake(task, ZL_WAKE_READY);
}

void zl_admission_on_readable(struct zl_socket *socket)
{
    struct zl_waitq *in = &socket->waitqs[ZL_IN];
    bool in_alone = socket->pattern->receives && !in->baton && !TAILQ_EMPTY(&in->waiters) &&
                    TAILQ_EMPTY(&socket->waitqs[ZL_OUT].waiters);
    /* One that is held back would not ask libzmq, and the descriptor would tell for ever. */
    const struct zl_hub *hub = socket->hub;
    if (in_alone && hub->sched.group->life == ZL_SERVING && hub->sched.phase == ZL_RUNNING)
        grant(in);
    else
        zl_waitq_mark_dirty(socket);
}

int zl_admission_poll_events(struct zl_socket *socket)
{
    int events = zl_route_ask_events(socket);
    if (socket->pattern->id == ZL_PUB) {
        if (events & ZMQ_POLLIN)
            zl_admission_read_subscriptions(socket);
    } else if (events & ZMQ_POLLIN && socket->pattern->id == ZL_REQUEST && !socket->request.asked) {
        if (!zl_reqrep_discard(socket))
            zl_waitq_mark_dirty(socket);
    } else if ((events & ZMQ_POLLIN && !socket->is_cut) || !STAILQ_EMPTY(&socket->again)) {
        grant(&socket->waitqs[ZL_IN]);
    }
    return events;
}

static void check(struct zl_socket *socket)
{
    if (zl_admission_poll_events(socket) & ZMQ_POLLOUT && !socket->holds_output)
        grant(&socket->waitqs[ZL_OUT]);
}

void zl_admission_poll_dirty(struct zl_hub *hub)
{
    struct zl_socket *socket;
    unsigned count = 0;
    TAILQ_FOREACH(socket, &hub->dirty, dirty)
    {
        count++;
    }
    while (count-- > 0 && (socket = TAILQ_FIRST(&hub->dirty))) {
        TAILQ_REMOVE(&hub->dirty, socket, dirty);
        socket->is_dirty = false;
        check(socket);
    }
}
