/* SPDX-License-Identifier: MIT */
/* See drain.h. The intakes are ended one by one (intake.h); the tasks decide when all is over.
 */
#include "runtime/socket/drain.h"

#include <stdlib.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/base/timers.h"
#include "runtime/socket/admission.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/ffi.h"
#include "runtime/socket/inflight.h"
#include "runtime/socket/intake.h"
#include "runtime/socket/streams.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/work.h"
#include "runtime/zmq/call.h"
#include "runtime/socket/take.h"

enum { MS = ZL_MS, TURN_NS = 2 * MS, CALM_NS = 10 * MS, NEAR_NS = 1000 * MS };

/* Longer than this is worth a line in the log. */
enum { MOMENT_NS = 500 * MS };

struct zl_drain {
    uv_timer_t timer;
    bool is_caused; /* by a signal or a call: otherwise the script just ended */
    bool has_begun; /* the sockets' intakes exist */
    bool is_logged; /* what is being finished was logged */
    uint64_t begun, near, next_turn, calm_since; /* on the clock of zl_clock_now */
};

bool zl_drain_init(struct zl_hub *hub)
{
    hub->stopping = calloc(1, sizeof *hub->stopping);
    if (hub->stopping)
        uv_timer_init(hub->sched.uv, &hub->stopping->timer);
    return hub->stopping != NULL;
}

static void free_timer(uv_handle_t *timer)
{
    free(timer); /* the first of its struct zl_drain */
}

void zl_drain_fini(struct zl_hub *hub)
{
    uv_close((uv_handle_t *)&hub->stopping->timer, free_timer);
    hub->stopping = NULL;
    zl_streams_expire(hub);
}

void zl_drain_begin(struct zl_hub *hub, const char *cause)
{
    struct zl_drain *stopping = hub->stopping;
    uint64_t quarter = (uint64_t)(hub->drain_timeout * 0.25e9);
    stopping->begun = zl_clock_now();
    stopping->near = hub->drain_deadline - (quarter < NEAR_NS ? quarter : NEAR_NS);
    stopping->is_caused = cause != NULL;
    if (cause)
        zl_log_later(ZL_INFO, "", "stopping: %s", cause);
}

static void begin_intakes(struct zl_hub *hub)
{
    struct zl_socket *socket;
    const struct zl_streams *all = zl_streams_current(hub);
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        if (socket->pattern->hands_out && !socket->intake)
            zl_intake_begin(socket, all);
    }
    hub->stopping->has_begun = true;
}

/* Whether every intake is over. */
static bool move_intakes_on(struct zl_hub *hub)
{
    struct zl_socket *socket;
    bool all = true;
    TAILQ_FOREACH(socket, &hub->sockets, all)
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
    return !socket->is_cut && socket->zmq &&
           zl_call_ask(socket->zmq, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN);
}

/* Whether the code that serves now has not received from it yet: a task may be about to. */
static bool is_unheard(const struct zl_socket *socket)
{
    return socket->pattern->hands_out && socket->zmq &&
           socket->heard_by != socket->hub->sched.group->serial;
}

bool zl_drain_awaits_start(const struct zl_hub *hub)
{
    const struct zl_socket *socket;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        if (is_unheard(socket))
            return true;
    }
    return false;
}

/* Whether the task goes on by itself in time: it is ready, or sleeps, perhaps between two tries. */
static bool goes_on(const struct zl_task *task)
{
    return task->status == ZL_TASK_READY ||
           (task->status == ZL_TASK_WAITING && task->deadline > 0 &&
            task->deadline < zl_hub_of(task)->stopping->near);
}

/* Whether there are both a message and a task to receive it: any that goes on, where none has
 * received from that socket yet. */
static bool has_more(const struct zl_hub *hub)
{
    const struct zl_socket *socket;
    const struct zl_task *task;
    bool comes = false, starts = false;
    TAILQ_FOREACH(task, &hub->sched.group->tasks, all)
    {
        comes |= zl_work_of(task)->receives && goes_on(task);
        starts |= goes_on(task) || zl_inflight_awaits_reply(task);
    }
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        if ((comes || (starts && is_unheard(socket))) && socket->pattern->hands_out &&
            has_left(socket))
            return true;
    }
    return false;
}

static bool has_beginner(const struct zl_group *generation)
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
static bool is_at_rest(struct zl_hub *hub)
{
    struct zl_socket *socket;
    if (zl_group_unfinished(hub->sched.group) || has_beginner(hub->sched.group))
        return false;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        zl_waitq_mark_dirty(socket);
    }
    zl_admission_poll_dirty(hub);
    return !has_more(hub);
}

/* What a connection inside the process carries takes a moment. */
static bool is_over(struct zl_hub *hub)
{
    struct zl_socket *socket;
    struct zl_drain *stopping = hub->stopping;
    if (!is_at_rest(hub)) {
        stopping->calm_since = 0;
        return false;
    }
    if (stopping->calm_since == 0)
        stopping->calm_since = zl_clock_now();
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        if (socket->intake && zl_intake_is_own(socket) && !zl_endpoints_are_inproc(socket))
            return zl_clock_now() - stopping->calm_since >= CALM_NS;
    }
    return true;
}

static unsigned count_unfinished(const struct zl_hub *hub)
{
    const struct zl_task *task;
    unsigned count = 0;
    TAILQ_FOREACH(task, &hub->sched.group->tasks, all)
    {
        count += !zl_task_at_rest(task);
    }
    return count;
}

static size_t count_waiting(const struct zl_hub *hub)
{
    const struct zl_socket *socket;
    const struct zl_delivery *delivery;
    size_t count = 0;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        STAILQ_FOREACH(delivery, &socket->again, link)
        count++;
    }
    return count;
}

void zl_drain_tell(struct zl_hub *hub)
{
    struct zl_drain *stopping = hub->stopping;
    if (!stopping->is_caused || stopping->is_logged || zl_clock_now() - stopping->begun < MOMENT_NS)
        return;
    stopping->is_logged = true;
    unsigned tasks = count_unfinished(hub);
    size_t messages = count_waiting(hub);
    if (tasks == 0 && messages == 0)
        return;
    zl_log(ZL_INFO, "",
           "finishing %u task%s and %zu received message%s, up to %g s; a second signal leaves at "
           "once",
           tasks, tasks == 1 ? "" : "s", messages, messages == 1 ? "" : "s", hub->drain_timeout);
}

static void sleep_until(struct zl_hub *hub, uint64_t due)
{
    zl_timers_start(&hub->stopping->timer, zl_timers_ring, due);
}

bool zl_drain_turn(struct zl_hub *hub)
{
    struct zl_drain *stopping = hub->stopping;
    uint64_t now = zl_clock_now();
    if (now < stopping->next_turn) {
        sleep_until(hub, stopping->next_turn);
        return false;
    }
    if (!stopping->has_begun)
        begin_intakes(hub);
    zl_streams_expire(hub);
    bool ended = move_intakes_on(hub);
    now = zl_clock_now();
    if (now >= stopping->near || (ended && is_over(hub))) {
        sleep_until(hub, stopping->begun + MOMENT_NS);
        return true;
    }
    stopping->next_turn = ended ? 0 : now + TURN_NS;
    sleep_until(hub, now + (ended && stopping->calm_since == 0 ? 100 * MS : TURN_NS));
    return false;
}

/* --- what is left ---------------------------------------------------------------------------- */

/* What a sub does not read is dropped without a word where the script just ended, or where its pub
 * is one of this process, which goes on to its end. Whether nothing is reported. */
static bool count_socket(struct zl_socket *socket, bool is_own)
{
    struct zl_hub *hub = socket->hub;
    bool is_caused = hub->stopping->is_caused;
    const char *fate = hub->redelivery.keeps_dead ? "kept as dead letters" : "and are lost";
    if (!socket->pattern->hands_out || (socket->pattern->id == ZL_SUB && (is_own || !is_caused)))
        return true;
    uint64_t left = zl_intake_count_left(socket);
    if (left == 0)
        return true;
    char endpoints[ZL_WHY_MAX - 64];
    zl_endpoints_describe(socket, endpoints, sizeof endpoints);
    zl_log(is_caused ? ZL_ERROR : ZL_WARN, "",
           "messages that %s %s has received and nobody has handled: %llu, %s",
           socket->pattern->name, endpoints, (unsigned long long)left, fate);
    return false;
}

bool zl_drain_count_dropped(struct zl_hub *hub)
{
    struct zl_socket *socket;
    bool handled = true;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        bool is_own = socket->pattern->hands_out && zl_intake_is_own(socket);
        socket->is_fed_within = is_own && !zl_endpoints_are_inproc(socket);
        handled = (socket->is_fed_within || count_socket(socket, is_own)) && handled;
    }
    zl_streams_expire(hub);
    return handled || !hub->stopping->is_caused;
}

void zl_drain_pump(struct zl_hub *hub)
{
    enum { MOST = 1000 };
    struct zl_socket *socket;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        for (int i = 0; i < MOST && socket->is_fed_within && zl_take_ahead(socket) >= 0; i++)
            ;
    }
}

/* What was flushed last is a moment away. */
static void await_last(struct zl_hub *hub)
{
    enum { LOOKS = 5 };
    const struct timespec moment = {.tv_nsec = MS};
    for (int i = 0; i < LOOKS; i++) {
        zl_drain_pump(hub);
        nanosleep(&moment, NULL);
    }
}

bool zl_drain_count_last(struct zl_hub *hub)
{
    struct zl_socket *socket;
    bool handled = true, has_waited = false;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        if (!socket->is_fed_within)
            continue;
        if (!has_waited)
            await_last(hub);
        has_waited = true;
        handled = count_socket(socket, true) && handled;
        socket->is_fed_within = false;
    }
    return handled || !hub->stopping->is_caused;
}
