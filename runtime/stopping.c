/* SPDX-License-Identifier: MIT */
/* See stopping.h. How an intake ends depends on who sends.
 *
 * A pull's peers over TCP are asked to close their connections within 100 ms, which makes them keep
 * what they have not written (peers.h). Until then tasks receive as always, so that a full queue
 * goes on holding the senders back; then what is on its way is read into memory, until libzmq has
 * closed every connection. An ipc peer loses what it writes after its connection is closed, and
 * libzmq what it has not read while its queue is full: there the outgoing direction is shut, and
 * everything is read at once.
 *
 * A reply or a pair reads without sending until no more comes: who asks gets no answer meanwhile,
 * and asks nothing new. Its connections stay, for the replies. A sub reads what is there.
 *
 * A connection from this process, inproc too, is never cut: what its sender still sends is handled,
 * and all is over when every task rests. */
#include "runtime/stopping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/hot.h"
#include "runtime/log.h"
#include "runtime/loop.h"
#include "runtime/socket.h"
#include "runtime/wire.h"

enum { MS = 1000000 };

/* When a peer should have closed its connection; when those that have not are cut off; when the
 * rest, which is stalled, is waited for no longer. */
enum { HELD_NS = 120 * MS, SHUT_NS = 1000 * MS, STALLED_NS = 2000 * MS };

/* A dialogue has come to rest; it never will. */
enum { QUIET_NS = 10 * MS, RESTLESS_NS = 100 * MS };

enum { TURN_NS = 2 * MS, READ_NS = 20 * MS, SHUT_READ_NS = 50 * MS, NEAR_NS = 1000 * MS };

struct zl_intake {
    struct zl_peers peers;
    uint64_t begun, last; /* when it began; when a message was read last */
    bool is_own;          /* something in this process sends to it */
    bool is_dialogue;     /* reads without sending until it is quiet */
    bool is_shut;
    bool had_peers;
    bool was_empty;   /* in the turn before, with no connection left */
    bool is_checked;  /* for connections that were being made when it began */
    bool is_cut;
};

/* --- reading ahead --------------------------------------------------------------------------- */

/* Reads what there is, for at most `most` nanoseconds. Whether there is nothing more. */
static bool read_ahead(struct zl_socket *socket, uint64_t most)
{
    uint64_t until = zl_loop_now() + most;
    for (unsigned i = 1;; i++) {
        if (!zl_socket_read_ahead(socket))
            return true;
        socket->intake->last = zl_loop_now();
        if (i % 64 == 0 && socket->intake->last >= until)
            return false;
    }
}

static void cut(struct zl_socket *socket)
{
    socket->intake->is_cut = true;
    if (!socket->intake->is_dialogue)
        zl_socket_unlink(socket);
    zl_socket_touch(socket);
}

/* The connections of the process; they are looked up once a turn. */
static const struct zl_peers *look_up(struct zl_loop *loop)
{
    struct zl_stopping *stopping = &loop->stopping;
    if (!stopping->is_current)
        zl_peers_find(&stopping->all);
    stopping->is_current = true;
    return &stopping->all;
}

static void forget(struct zl_stopping *stopping)
{
    zl_peers_fini(&stopping->all);
    stopping->is_current = false;
}

/* --- one socket ------------------------------------------------------------------------------ */

/* Shuts the connections whose peers may not hold, and reads what they bring as it comes: when libzmq
 * finds a connection closed while its queue is full, it drops what it has not read. */
static void shut_abrupt(struct zl_socket *socket)
{
    enum { SPINS = 1000 };
    const struct timespec moment = {.tv_nsec = 50000};
    struct zl_intake *intake = socket->intake;
    read_ahead(socket, TURN_NS);
    zl_peers_shut(&intake->peers, false);
    uint64_t until = zl_loop_now() + SHUT_READ_NS;
    for (int i = 0; zl_loop_now() < until && zl_peers_left(&intake->peers) > 0; i++) {
        read_ahead(socket, TURN_NS);
        if (i > SPINS)
            nanosleep(&moment, NULL);
    }
}

static bool has_abrupt(const struct zl_intake *intake)
{
    for (size_t i = 0; i < intake->peers.count; i++)
        if (!zl_peer_may_hold(&intake->peers.items[i]) && !intake->peers.items[i].listens &&
            !intake->peers.items[i].is_own)
            return true;
    return false;
}

/* Whether there are connections that the kernel had made, and libzmq had not accepted yet, when the
 * intake began: they are treated as the others are. */
static bool has_latecomers(struct zl_socket *socket)
{
    struct zl_intake *intake = socket->intake;
    struct zl_peers found;
    if (intake->is_checked)
        return false;
    intake->is_checked = true;
    zl_peers_select(look_up(socket->loop), socket, &found);
    bool has_any = zl_peers_merge(&intake->peers, &found);
    zl_peers_fini(&found);
    if (!has_any)
        return false;
    intake->had_peers = true;
    intake->was_empty = false;
    intake->begun = zl_loop_now();
    zl_peers_ask_to_hold(&intake->peers);
    if (has_abrupt(intake))
        shut_abrupt(socket);
    return true;
}

/* Whether all that is on its way has come. */
static bool is_dry(struct zl_socket *socket)
{
    struct zl_intake *intake = socket->intake;
    uint64_t age = zl_loop_now() - intake->begun;
    size_t left = zl_peers_left(&intake->peers);
    zl_peers_ask_to_hold(&intake->peers);
    if (left > 0 && age < HELD_NS)
        return false;
    if (left > 0 && age >= SHUT_NS && !intake->is_shut) {
        zl_peers_shut(&intake->peers, true);
        intake->is_shut = true;
    }
    bool is_empty = read_ahead(socket, READ_NS);
    if (left > 0 && age < STALLED_NS)
        return false;
    /* The I/O thread closes a connection after it has handed over what it read; what it handed over
     * is seen by the next reading at the latest. */
    bool was_empty = intake->was_empty || !intake->had_peers;
    intake->was_empty = is_empty;
    return is_empty && was_empty && !has_latecomers(socket);
}

static bool is_quiet(struct zl_socket *socket)
{
    const struct zl_intake *intake = socket->intake;
    bool is_empty = read_ahead(socket, READ_NS);
    uint64_t now = zl_loop_now();
    if (zl_peers_left(&socket->intake->peers) == 0)
        return is_empty;
    return now - intake->last >= QUIET_NS || now - intake->begun >= RESTLESS_NS;
}

/* True once the intake is over, or has no end of its own. */
static bool move_on(struct zl_socket *socket)
{
    struct zl_intake *intake = socket->intake;
    if (intake->is_cut || intake->is_own)
        return true;
    bool is_over;
    if (socket->pattern->id == ZL_SUB)
        is_over = read_ahead(socket, READ_NS) ||
                  zl_loop_now() - intake->begun >= RESTLESS_NS;
    else
        is_over = intake->is_dialogue ? is_quiet(socket) : is_dry(socket);
    if (is_over)
        cut(socket);
    return is_over;
}

static bool sends_itself(const struct zl_socket *socket, const struct zl_intake *intake)
{
    for (size_t i = 0; i < intake->peers.count; i++)
        if (intake->peers.items[i].is_own)
            return true;
    return zl_socket_has_inproc(socket);
}

static void begin_intake(struct zl_socket *socket, const struct zl_peers *all)
{
    struct zl_intake *intake = calloc(1, sizeof *intake);
    if (!intake)
        return;
    socket->intake = intake;
    zl_peers_select(all, socket, &intake->peers);
    intake->begun = intake->last = zl_loop_now();
    intake->is_own = sends_itself(socket, intake);
    intake->is_dialogue = socket->pattern->sends;
    intake->had_peers = zl_peers_left(&intake->peers) > 0;
    zl_peers_refuse_new(&intake->peers);
    if (socket->pattern->id != ZL_PULL)
        return;
    zl_peers_ask_to_hold(&intake->peers);
    if (has_abrupt(intake))
        shut_abrupt(socket);
}

bool zl_stopping_is_cut(const struct zl_socket *socket)
{
    return socket->intake && socket->intake->is_cut;
}

bool zl_stopping_holds_output(const struct zl_socket *socket)
{
    const struct zl_intake *intake = socket->intake;
    return intake && intake->is_dialogue && !intake->is_cut && !intake->is_own;
}

void zl_stopping_forget(struct zl_socket *socket)
{
    if (!socket->intake)
        return;
    zl_peers_fini(&socket->intake->peers);
    free(socket->intake);
    socket->intake = NULL;
}

/* --- all of them ----------------------------------------------------------------------------- */

static void wake_up(uv_timer_t *timer)
{
    (void)timer; /* the loop looks at the time itself */
}

void zl_stopping_init(struct zl_loop *loop)
{
    uv_timer_init(&loop->uv, &loop->stopping.timer);
}

void zl_stopping_fini(struct zl_loop *loop)
{
    uv_close((uv_handle_t *)&loop->stopping.timer, NULL);
    zl_peers_fini(&loop->stopping.all);
}

void zl_stopping_begin(struct zl_loop *loop, const char *cause)
{
    struct zl_stopping *stopping = &loop->stopping;
    uint64_t quarter = (uint64_t)(loop->drain_timeout * 0.25e9);
    stopping->begun = zl_loop_now();
    stopping->near = loop->drain_deadline - (quarter < NEAR_NS ? quarter : NEAR_NS);
    stopping->is_caused = cause != NULL;
    if (cause)
        zl_log_later(ZL_INFO, "", "stopping: %s", cause);
}

static void begin_intakes(struct zl_loop *loop)
{
    struct zl_socket *socket;
    const struct zl_peers *all = look_up(loop);
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        if (socket->pattern->hands_out && !socket->intake)
            begin_intake(socket, all);
    }
    loop->stopping.has_begun = true;
}

/* Whether every intake is over. */
static bool move_intakes_on(struct zl_loop *loop)
{
    struct zl_socket *socket;
    bool all = true;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        if (socket->intake && !move_on(socket))
            all = false;
    }
    return all;
}

static bool has_left(const struct zl_socket *socket)
{
    int events = 0;
    size_t size = sizeof events;
    if (!STAILQ_EMPTY(&socket->again))
        return true;
    return !zl_stopping_is_cut(socket) && socket->zmq &&
           zl_wire_ask(socket->zmq, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
}

/* Whether the task will ask a receiver in time: it is ready, or sleeps between two tries. */
static bool is_coming(const struct zl_task *task)
{
    if (!task->receives)
        return false;
    return task->status == ZL_TASK_READY || (task->status == ZL_TASK_WAITING && task->deadline > 0 &&
                                             task->deadline < task->loop->stopping.near);
}

/* Whether there are both a message and a task to receive it. */
static bool has_more(const struct zl_loop *loop)
{
    const struct zl_socket *socket;
    const struct zl_task *task;
    bool left = false, comes = false;
    TAILQ_FOREACH(task, &loop->generation->tasks, all)
    {
        comes |= is_coming(task);
    }
    if (!comes)
        return false;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        left |= socket->pattern->hands_out && has_left(socket);
    }
    return left;
}

static bool has_beginner(const struct zl_generation *generation)
{
    const struct zl_task *task;
    TAILQ_FOREACH(task, &generation->ready, link)
    {
        if (!zl_task_has_begun(task))
            return true;
    }
    return false;
}

/* Whether no task has a message in hand, and none is to have one. */
static bool is_at_rest(struct zl_loop *loop)
{
    struct zl_socket *socket;
    if (zl_generation_unfinished(loop->generation) || has_beginner(loop->generation))
        return false;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        zl_socket_touch(socket);
    }
    zl_socket_check_touched(loop);
    return !has_more(loop);
}

/* What a connection inside the process carries takes a moment. */
static bool is_over(struct zl_loop *loop)
{
    const struct zl_socket *socket;
    struct zl_stopping *stopping = &loop->stopping;
    if (!is_at_rest(loop)) {
        stopping->calm_since = 0;
        return false;
    }
    if (stopping->calm_since == 0)
        stopping->calm_since = zl_loop_now();
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        if (socket->intake && socket->intake->is_own && !zl_socket_is_inproc(socket))
            return zl_loop_now() - stopping->calm_since >= QUIET_NS;
    }
    return true;
}

static unsigned count_unfinished(const struct zl_loop *loop)
{
    const struct zl_task *task;
    unsigned count = 0;
    TAILQ_FOREACH(task, &loop->generation->tasks, all)
    {
        count += !zl_task_at_rest(task);
    }
    return count;
}

static size_t count_waiting(const struct zl_loop *loop)
{
    const struct zl_socket *socket;
    const struct zl_hand *hand;
    size_t count = 0;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        STAILQ_FOREACH(hand, &socket->again, link)
        count++;
    }
    return count;
}

/* Says once what takes more than a moment. */
static void tell(struct zl_loop *loop)
{
    enum { MOMENT_NS = 500 * MS };
    struct zl_stopping *stopping = &loop->stopping;
    if (stopping->is_told || zl_loop_now() - stopping->begun < MOMENT_NS)
        return;
    stopping->is_told = true;
    unsigned tasks = count_unfinished(loop);
    size_t messages = count_waiting(loop);
    if (tasks == 0 && messages == 0)
        return;
    zl_log(ZL_INFO, "",
           "finishing %u task%s and %zu received message%s, up to %g s; a second signal leaves at "
           "once",
           tasks, tasks == 1 ? "" : "s", messages, messages == 1 ? "" : "s", loop->drain_timeout);
}

static void sleep_until(struct zl_loop *loop, uint64_t due)
{
    uint64_t now = zl_loop_now();
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->stopping.timer, wake_up, due > now ? (due - now) / MS + 1 : 0, 0);
}

bool zl_stopping_turn(struct zl_loop *loop)
{
    struct zl_stopping *stopping = &loop->stopping;
    uint64_t now = zl_loop_now();
    if (now < stopping->next_turn) {
        sleep_until(loop, stopping->next_turn);
        return false;
    }
    if (!stopping->has_begun)
        begin_intakes(loop);
    tell(loop);
    forget(stopping);
    bool ended = move_intakes_on(loop);
    now = zl_loop_now();
    if (now >= stopping->near || (ended && is_over(loop)))
        return true;
    stopping->next_turn = ended ? 0 : now + TURN_NS;
    sleep_until(loop, now + (ended && stopping->calm_since == 0 ? 100 * MS : TURN_NS));
    return false;
}

/* --- what is left ---------------------------------------------------------------------------- */

static uint64_t count_left(struct zl_socket *socket)
{
    enum { LOOK_NS = 20 * MS };
    const struct zl_hand *hand;
    uint64_t count = 0, until = zl_loop_now() + LOOK_NS;
    while (!zl_stopping_is_cut(socket) && zl_loop_now() < until && zl_socket_read_ahead(socket))
        ;
    STAILQ_FOREACH(hand, &socket->again, link)
    count += hand->is_ahead;
    return count;
}

/* What a connection within the process carries is the script's own affair. */
static bool is_foreign(const struct zl_socket *socket)
{
    struct zl_intake intake = {0};
    if (socket->intake)
        return !socket->intake->is_own;
    zl_peers_select(look_up(socket->loop), socket, &intake.peers);
    bool is_own = sends_itself(socket, &intake);
    zl_peers_fini(&intake.peers);
    return !is_own;
}

bool zl_stopping_count_dropped(struct zl_loop *loop)
{
    struct zl_socket *socket;
    bool is_caused = loop->stopping.is_caused, handled = true;
    const char *fate =
        loop->reload.options.dead_letter ? "kept as dead letters" : "and are lost";
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        bool counts = socket->pattern->hands_out && (is_caused || socket->pattern->id != ZL_SUB);
        uint64_t left = counts ? count_left(socket) : 0;
        if (left == 0 || !is_foreign(socket))
            continue;
        char endpoints[ZL_WHY_MAX - 64];
        zl_socket_describe(socket, endpoints, sizeof endpoints);
        zl_log(is_caused ? ZL_ERROR : ZL_WARN, "",
               "messages that %s %s has received and nobody has handled: %llu, %s",
               socket->pattern->name, endpoints, (unsigned long long)left, fate);
        handled = handled && !is_caused;
    }
    forget(&loop->stopping);
    return handled;
}
