/* SPDX-License-Identifier: MIT */
/* See admission.h. A socket's descriptor only says that libzmq has news; ZMQ_EVENTS says which.
 * Because any call into libzmq may swallow the news, every touched socket is asked once more before
 * the loop sleeps: a wake-up that is lost is lost for good. */
#include "runtime/socket/admission.h"

#include "runtime/socket/ffi.h"
#include "runtime/socket/intake.h"
#include "runtime/loop.h"
#include "runtime/socket/peers.h"
#include "runtime/socket/socket.h"
#include "runtime/zmq/call.h"

void zl_lane_wake_all(struct zl_lane *lane, enum zl_wake wake)
{
    struct zl_task *task;
    while ((task = TAILQ_FIRST(&lane->waiters)))
        zl_task_wake(task, wake);
}

void zl_socket_wait(struct zl_socket *socket, enum zl_direction direction, uint64_t deadline)
{
    struct zl_lane *lane = &socket->lanes[direction];
    struct zl_loop *loop = socket->loop;
    bool has_reply = loop->current->has_reply && direction == ZL_OUT;
    zl_task_wait(loop->current, &lane->waiters, loop->had_turn, deadline);
    loop->current->has_reply = has_reply;
    lane->gate = true;
}

/* A generation that is not serving yet, or no more, is given no messages. While it is being parked,
 * a task gets and asks what it needs for a message that it has in hand, and nothing new. */
static bool is_held_back(const struct zl_socket *socket, enum zl_direction direction)
{
    const struct zl_loop *loop = socket->loop;
    enum zl_life life = loop->generation->life;
    if (life == ZL_SERVING)
        return false;
    if (direction == ZL_IN ? !socket->pattern->hands_out : socket->pattern->id != ZL_REQUEST)
        return false;
    const struct zl_socket *asked_again = direction == ZL_IN ? socket : NULL;
    if (life == ZL_PARKING && !zl_task_is_handling(loop->current, asked_again))
        return direction == ZL_OUT || socket->pattern->id != ZL_REPLY ||
               !zl_parking_admit(socket->loop);
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
        if (zl_loop_may_run(task))
            return task;
    }
    return NULL;
}

/* Receivers hand out what was received until nothing is left; each operation then looks at the
 * clock, so that the end of the intake is not kept waiting by slow handlers. */
static int32_t admit_to_the_rest(struct zl_socket *socket, enum zl_direction direction)
{
    struct zl_loop *loop = socket->loop;
    if (direction == ZL_OUT)
        return zl_intake_holds_output(socket) ? ZL_AGAIN : 0;
    loop->slice = 0;
    return loop->phase == ZL_DRAINING ? 0 : ZL_STOPPING;
}

int32_t zl_socket_admit(struct zl_socket *socket, enum zl_direction direction)
{
    struct zl_lane *lane = &socket->lanes[direction];
    struct zl_loop *loop = socket->loop;
    loop->had_turn = lane->turn == loop->current;
    if (!socket->zmq || socket->is_closing)
        return ZL_CLOSED;
    bool is_stopping = socket->pattern->hands_out && loop->phase != ZL_RUNNING;
    int32_t code = is_stopping ? admit_to_the_rest(socket, direction) : 0;
    if (code != 0)
        return code;
    if (is_held_back(socket, direction)) {
        if (lane->turn == loop->current)
            lane->turn = NULL;
        loop->current->has_reply = false;
        return ZL_AGAIN;
    }
    if (lane->turn ? lane->turn != loop->current : first_waiter(lane) != NULL)
        return ZL_AGAIN;
    lane->turn = NULL;
    if (direction == ZL_OUT && socket->pattern->awaits_peer && !zl_route_select(socket))
        return ZL_AGAIN;
    bool given_again = direction == ZL_IN && !STAILQ_EMPTY(&socket->again);
    lane->gate = !TAILQ_EMPTY(&lane->waiters) || given_again ||
                 loop->generation->life != ZL_SERVING || (is_stopping && direction == ZL_IN);
    zl_socket_touch(socket);
    if (given_again)
        return ZL_GIVEN_AGAIN;
    return direction == ZL_IN && zl_intake_is_cut(socket) ? ZL_AGAIN : 0;
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

void zl_socket_drain_all(struct zl_loop *loop)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        if (socket->pattern->hands_out)
            socket->lanes[ZL_IN].gate = socket->lanes[ZL_OUT].gate = true;
    }
}

void zl_socket_stop_all(struct zl_loop *loop)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        if (!socket->pattern->hands_out)
            continue;
        socket->lanes[ZL_IN].gate = true;
        end_receives(&socket->lanes[ZL_IN]);
    }
}

void zl_socket_hold_back(struct zl_loop *loop)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    socket->lanes[ZL_IN].gate = socket->lanes[ZL_OUT].gate = true;
}

void zl_socket_wake_all(struct zl_loop *loop)
{
    struct zl_socket *socket;
    zl_socket_hold_back(loop);
    TAILQ_FOREACH(socket, &loop->sockets, all)
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

unsigned zl_socket_report_waiting(struct zl_loop *loop)
{
    struct zl_socket *socket;
    unsigned count = 0;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        if (socket->pattern->awaits_peer && !has_peer(socket))
            count += report_waiters(socket);
    }
    return count;
}

void zl_socket_pass_turn(const struct zl_task *task)
{
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &task->loop->sockets, all)
    {
        for (int i = ZL_IN; i <= ZL_OUT; i++) {
            if (socket->lanes[i].turn != task)
                continue;
            socket->lanes[i].turn = NULL;
            zl_socket_touch(socket);
        }
    }
}

void zl_socket_touch(struct zl_socket *socket)
{
    if (socket->is_touched)
        return;
    socket->is_touched = true;
    TAILQ_INSERT_TAIL(&socket->loop->touched, socket, touched);
}

void zl_socket_calm(struct zl_socket *socket)
{
    if (!socket->is_touched || socket->route_count > 1)
        return;
    socket->is_touched = false;
    TAILQ_REMOVE(&socket->loop->touched, socket, touched);
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
    task->had_turn = true;
    zl_task_wake(task, ZL_WAKE_READY);
}

void zl_socket_notify(struct zl_socket *socket)
{
    struct zl_lane *in = &socket->lanes[ZL_IN];
    bool in_alone = socket->pattern->receives && !in->turn && !TAILQ_EMPTY(&in->waiters) &&
                    TAILQ_EMPTY(&socket->lanes[ZL_OUT].waiters);
    /* One that is held back would not ask libzmq, and the descriptor would tell for ever. */
    const struct zl_loop *loop = socket->loop;
    if (in_alone && loop->generation->life == ZL_SERVING && loop->phase == ZL_RUNNING)
        grant(in);
    else
        zl_socket_touch(socket);
}

/* ZMQ_EVENTS of all its routes. */
static int ask_events(const struct zl_socket *socket)
{
    const struct zl_route *route;
    int all = 0;
    TAILQ_FOREACH(route, &socket->routes, link)
    {
        int events = 0;
        size_t size = sizeof events;
        if (zl_wire_ask(route->zmq, ZMQ_EVENTS, &events, &size) == 0)
            all |= route->has_peer ? events : events & ~ZMQ_POLLOUT;
    }
    return all;
}

int zl_socket_look(struct zl_socket *socket)
{
    int events = ask_events(socket);
    if (socket->pattern->id == ZL_PUB) {
        if (events & ZMQ_POLLIN)
            zl_socket_read_subscriptions(socket);
    } else if (events & ZMQ_POLLIN && socket->pattern->id == ZL_REQUEST &&
               !socket->exchange.asked) {
        zl_exchange_discard(socket);
    } else if ((events & ZMQ_POLLIN && !zl_intake_is_cut(socket)) ||
               !STAILQ_EMPTY(&socket->again)) {
        grant(&socket->lanes[ZL_IN]);
    }
    return events;
}

static void check(struct zl_socket *socket)
{
    if (zl_socket_look(socket) & ZMQ_POLLOUT && !zl_intake_holds_output(socket))
        grant(&socket->lanes[ZL_OUT]);
}

void zl_socket_check_touched(struct zl_loop *loop)
{
    struct zl_socket *socket;
    while ((socket = TAILQ_FIRST(&loop->touched))) {
        TAILQ_REMOVE(&loop->touched, socket, touched);
        socket->is_touched = false;
        check(socket);
    }
}
