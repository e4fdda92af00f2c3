/* SPDX-License-Identifier: MIT */
/* See drain.h. The intakes are ended one by one (intake.h); the tasks decide when all is over.
 */
#include "runtime/socket/drain.h"

#include "runtime/socket/intake.h"
#include "runtime/base/log.h"
#include "runtime/loop.h"
#include "runtime/socket/socket.h"
#include "runtime/zmq/call.h"
#include "runtime/base/clock.h"
#include "runtime/base/reason.h"

enum { MS = 1000000, TURN_NS = 2 * MS, CALM_NS = 10 * MS, NEAR_NS = 1000 * MS };

/* Longer than this is worth a line in the log. */
enum { MOMENT_NS = 500 * MS };

/* The connections of the process; they are looked up once a turn. */
const struct zl_streams *zl_stopping_peers(struct zl_loop *loop)
{
    struct zl_stopping *stopping = &loop->stopping;
    if (!stopping->is_current)
        zl_streams_find(&stopping->all);
    stopping->is_current = true;
    return &stopping->all;
}

static void forget(struct zl_stopping *stopping)
{
    zl_streams_fini(&stopping->all);
    stopping->is_current = false;
}

void zl_stopping_init(struct zl_loop *loop)
{
    uv_timer_init(&loop->uv, &loop->stopping.timer);
}

void zl_stopping_fini(struct zl_loop *loop)
{
    uv_close((uv_handle_t *)&loop->stopping.timer, NULL);
    zl_streams_fini(&loop->stopping.all);
}

void zl_stopping_begin(struct zl_loop *loop, const char *cause)
{
    struct zl_stopping *stopping = &loop->stopping;
    uint64_t quarter = (uint64_t)(loop->drain_timeout * 0.25e9);
    stopping->begun = zl_clock_now();
    stopping->near = loop->drain_deadline - (quarter < NEAR_NS ? quarter : NEAR_NS);
    stopping->is_caused = cause != NULL;
    if (cause)
        zl_log_later(ZL_INFO, "", "stopping: %s", cause);
}

static void begin_intakes(struct zl_loop *loop)
{
    struct zl_socket *socket;
    const struct zl_streams *all = zl_stopping_peers(loop);
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        if (socket->pattern->hands_out && !socket->intake)
            zl_intake_begin(socket, all);
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
        if (socket->intake && !zl_intake_move_on(socket))
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
    return !zl_intake_is_cut(socket) && socket->zmq &&
           zl_wire_ask(socket->zmq, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
}

/* Whether the task will ask a receiver in time: it is ready, or sleeps between two tries. */
static bool is_coming(const struct zl_task *task)
{
    if (!task->receives)
        return false;
    return task->status == ZL_TASK_READY ||
           (task->status == ZL_TASK_WAITING && task->deadline > 0 &&
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
    struct zl_socket *socket;
    struct zl_stopping *stopping = &loop->stopping;
    if (!is_at_rest(loop)) {
        stopping->calm_since = 0;
        return false;
    }
    if (stopping->calm_since == 0)
        stopping->calm_since = zl_clock_now();
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        if (socket->intake && zl_intake_is_own(socket) && !zl_socket_is_inproc(socket))
            return zl_clock_now() - stopping->calm_since >= CALM_NS;
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

void zl_stopping_tell(struct zl_loop *loop)
{
    struct zl_stopping *stopping = &loop->stopping;
    if (!stopping->is_caused || stopping->is_told || zl_clock_now() - stopping->begun < MOMENT_NS)
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
    uint64_t now = zl_clock_now();
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->stopping.timer, zl_timer_wakes, due > now ? (due - now) / MS + 1 : 0, 0);
}

bool zl_stopping_turn(struct zl_loop *loop)
{
    struct zl_stopping *stopping = &loop->stopping;
    uint64_t now = zl_clock_now();
    if (now < stopping->next_turn) {
        sleep_until(loop, stopping->next_turn);
        return false;
    }
    if (!stopping->has_begun)
        begin_intakes(loop);
    forget(stopping);
    bool ended = move_intakes_on(loop);
    now = zl_clock_now();
    if (now >= stopping->near || (ended && is_over(loop))) {
        sleep_until(loop, stopping->begun + MOMENT_NS);
        return true;
    }
    stopping->next_turn = ended ? 0 : now + TURN_NS;
    sleep_until(loop, now + (ended && stopping->calm_since == 0 ? 100 * MS : TURN_NS));
    return false;
}

/* --- what is left ---------------------------------------------------------------------------- */

bool zl_stopping_count_dropped(struct zl_loop *loop)
{
    struct zl_socket *socket;
    bool is_caused = loop->stopping.is_caused, handled = true;
    const char *fate = loop->reload.options.dead_letter ? "kept as dead letters" : "and are lost";
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        bool counts = socket->pattern->hands_out && (is_caused || socket->pattern->id != ZL_SUB);
        uint64_t left = counts ? zl_intake_count_left(socket) : 0;
        bool foreign = left > 0 && !zl_intake_is_own(socket);
        if (left == 0 || (!foreign && !is_caused))
            continue;
        char endpoints[ZL_WHY_MAX - 64];
        zl_socket_describe(socket, endpoints, sizeof endpoints);
        zl_log(is_caused && foreign ? ZL_ERROR : ZL_WARN, "",
               "messages that %s %s has received and nobody has handled: %llu, %s",
               socket->pattern->name, endpoints, (unsigned long long)left, fate);
        handled = handled && !(is_caused && foreign);
    }
    forget(&loop->stopping);
    return handled;
}
