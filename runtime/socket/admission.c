/* SPDX-License-Identifier: MIT */
/* See admission.h. A socket's descriptor only says that libzmq has news; ZMQ_EVENTS says which.
 * Because any call into libzmq may swallow the news, every touched socket is asked once more before
 * the loop sleeps: a wake-up that is lost is lost for good. */
#include "runtime/socket/admission.h"

#include "runtime/base/log.h"
#include "runtime/socket/endpoint_list.h"
#include "runtime/socket/in_hand.h"
#include "runtime/socket/peers.h"
#include "runtime/socket/reply.h"
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
    if (life == ZL_PARKING && !zl_work_is_handling(hub->sched.current, asked_again))
        return direction == ZL_OUT || socket->pattern->id != ZL_REPLY ||
               !admit_request(socket->hub);
    if (life == ZL_PARKING)
        return false;
    return direction == ZL_IN;
}

/* The first that has something to do; while the loop stops or the generation is being parked, tasks
 * at rest stay where they are, and nobody waits behind them. */
static struct zl_task *first_waiter(const struct zl_lane *lane)
{
    struct zl_task *task;
    TAILQ_FOREACH(task, &lane->waiters, link)
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

int32_t zl_socket_admit(struct zl_socket *socket, enum zl_direction direction)
{
    struct zl_lane *lane = &socket->lanes[direction];
    struct zl_hub *hub = socket->hub;
    hub->had_turn = lane->turn == hub->sched.current;
    if (!socket->zmq || socket->is_closing)
        return ZL_CLOSED;
    bool is_stopping = socket->pattern->hands_out && hub->sched.phase != ZL_RUNNING;
    int32_t code = is_stopping ? admit_to_the_rest(socket, direction) : 0;
    if (code != 0)
        return code;
    if (is_held_back(socket, direction)) {
        if (lane->turn == hub->sched.current)
            lane->turn = NULL;
        hub->sched.current->is_busy = false;
        return ZL_AGAIN;
    }
    if (lane->turn ? lane->turn != hub->sched.current : first_waiter(lane) != NULL)
        return ZL_AGAIN;
    lane->turn = NULL;
    if (direction == ZL_OUT && socket->pattern->awaits_peer && !zl_route_select(socket))
        return ZL_AGAIN;
    bool given_again = direction == ZL_IN && !STAILQ_EMPTY(&socket->again);
    lane->gate = !TAILQ_EMPTY(&lane->waiters) || given_again ||
                 hub->sched.group->life != ZL_SERVING || (is_stopping && direction == ZL_IN);
    zl_socket_touch(socket);
    if (given_again)
        return ZL_GIVEN_AGAIN;
    return direction == ZL_IN && socket->is_cut ? ZL_AGAIN : 0;
}

/* A task at rest in a receive is not left where it is: its loop ends, and what stands behind it
 * runs. */
static void end_receives(struct zl_lane *lane)
{
    struct zl_task *task;
    if (lane->turn)
        lane->turn->finishing = true;
    TAILQ_FOREACH(task, &lane->waiters, link)
    task->finishing = true;
    zl_lane_wake_all(lane, ZL_WAKE_STOPPING);
}

void zl_socket_drain_all(struct zl_hub *hub)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        if (socket->pattern->hands_out)
            socket->lanes[ZL_IN].gate = socket->lanes[ZL_OUT].gate = true;
    }
}

void zl_socket_stop_all(struct zl_hub *hub)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        if (!socket->pattern->hands_out)
            continue;
        socket->lanes[ZL_IN].gate = true;
        end_receives(&socket->lanes[ZL_IN]);
    }
}

void zl_socket_hold_back(struct zl_hub *hub)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    socket->lanes[ZL_IN].gate = socket->lanes[ZL_OUT].gate = true;
}

void zl_socket_wake_all(struct zl_hub *hub)
{
    struct zl_socket *socket;
    zl_socket_hold_back(hub);
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        for (int i = ZL_IN; i <= ZL_OUT; i++) {
            socket->lanes[i].turn = NULL;
            zl_lane_wake_all(&socket->lanes[i], ZL_WAKE_READY);
        }
        zl_socket_touch(socket);
    }
}

static unsigned report_waiters(const struct zl_socket *socket)
{
    const struct zl_task *task;
    char line[128], endpoints[ZL_ENDPOINT_MAX];
    unsigned count = 0;
    TAILQ_FOREACH(task, &socket->lanes[ZL_OUT].waiters, link)
    {
        zl_task_line(task, line, sizeof line);
        zl_socket_describe(socket, endpoints, sizeof endpoints);
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

unsigned zl_socket_report_waiting(struct zl_hub *hub)
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

void zl_socket_read_subscriptions(struct zl_socket *socket)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    long before = zl_subscribers_count(&socket->subscribers);
    while (zl_wire_receive_frame(socket->zmq, &message) >= 0)
        zl_subscribers_note(&socket->subscribers, &message);
    zmq_msg_close(&message);
    if (zl_subscribers_count(&socket->subscribers) != before)
        zl_lane_wake_all(&socket->lanes[ZL_IN], ZL_WAKE_READY);
}

/* Gives the first waiter of a lane its turn. */
static void grant(struct zl_lane *lane)
{
    struct zl_task *task = lane->turn ? NULL : first_waiter(lane);
    if (!task)
        return;
    lane->turn = task;
    zl_work_of(task)->had_turn = true;
    zl_task_wake(task, ZL_WAKE_READY);
}

void zl_socket_notify(struct zl_socket *socket)
{
    struct zl_lane *in = &socket->lanes[ZL_IN];
    bool in_alone = socket->pattern->receives && !in->turn && !TAILQ_EMPTY(&in->waiters) &&
                    TAILQ_EMPTY(&socket->lanes[ZL_OUT].waiters);
    /* One that is held back would not ask libzmq, and the descriptor would tell for ever. */
    const struct zl_hub *hub = socket->hub;
    if (in_alone && hub->sched.group->life == ZL_SERVING && hub->sched.phase == ZL_RUNNING)
        grant(in);
    else
        zl_socket_touch(socket);
}

int zl_socket_look(struct zl_socket *socket)
{
    int events = zl_route_ask_events(socket);
    if (socket->pattern->id == ZL_PUB) {
        if (events & ZMQ_POLLIN)
            zl_socket_read_subscriptions(socket);
    } else if (events & ZMQ_POLLIN && socket->pattern->id == ZL_REQUEST &&
               !socket->exchange.asked) {
        zl_exchange_discard(socket);
    } else if ((events & ZMQ_POLLIN && !socket->is_cut) || !STAILQ_EMPTY(&socket->again)) {
        grant(&socket->lanes[ZL_IN]);
    }
    return events;
}

static void check(struct zl_socket *socket)
{
    if (zl_socket_look(socket) & ZMQ_POLLOUT && !socket->holds_output)
        grant(&socket->lanes[ZL_OUT]);
}

void zl_socket_check_touched(struct zl_hub *hub)
{
    struct zl_socket *socket;
    while ((socket = TAILQ_FIRST(&hub->touched))) {
        TAILQ_REMOVE(&hub->touched, socket, touched);
        socket->is_touched = false;
        check(socket);
    }
}
