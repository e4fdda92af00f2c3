/* SPDX-License-Identifier: MIT */
/* See orphan.h. A script that opens nothing may be the first half of a save: that its main task has
 * ended proves nothing then. */
#include "runtime/orphan.h"

#include <stdio.h>
#include <string.h>

#include "runtime/log.h"
#include "runtime/loop.h"
#include "runtime/tenancy.h"
#include "runtime/wire.h"

enum { SETTLING = 10 }; /* seconds */

/* --- whether the start of the script is over ------------------------------------------------- */

static bool has_opened(const struct zl_loop *loop)
{
    const struct zl_socket *socket;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        if (socket->tenant == loop->generation)
            return true;
    }
    return false;
}

static bool has_ended(const struct zl_loop *loop)
{
    return loop->generation->live == 0 && !zl_nested_alive(loop->generation->nested);
}

/* The main task receives, or has ended and left others at work on sockets; and the tasks that it
 * has made had their turn. */
static bool is_settled(const struct zl_loop *loop)
{
    const struct zl_generation *generation = loop->generation;
    if (generation->failed || !TAILQ_EMPTY(&generation->ready))
        return false;
    if (generation->main->status < ZL_TASK_DONE)
        return zl_task_is_receiving(generation->main);
    return !has_ended(loop) && has_opened(loop);
}

static bool is_orphan(const struct zl_socket *socket)
{
    return !socket->tenant && !socket->former;
}

static unsigned count_orphans(const struct zl_loop *loop)
{
    unsigned count = 0;
    const struct zl_socket *socket;
    TAILQ_FOREACH(socket, &loop->sockets, all)
    {
        count += is_orphan(socket);
    }
    return count;
}

/* --- closing --------------------------------------------------------------------------------- */

/* Where the body begins in a message of `count` frames. */
static unsigned find_body(const struct zl_socket *socket, zmq_msg_t *frames, unsigned count)
{
    unsigned i = 1;
    if (socket->pattern->id != ZL_REPLY)
        return 0;
    while (i < count && zmq_msg_size(&frames[i]) > 0)
        i++;
    return i + 1 < count ? i + 1 : 0;
}

struct unread {
    unsigned long count, kept; /* messages; those among them that the dead letters have */
    bool more;                 /* than was counted */
};

/* Reads what has been received and not handed out. Peers that go on sending are not read for
 * ever. */
static struct unread read_rest(struct zl_socket *socket)
{
    const uint64_t most_ns = 500000000;
    struct zl_loop *loop = socket->loop;
    struct zl_inbox *inbox = &loop->inbox;
    struct unread rest = {0, 0, false};
    uint64_t until = zl_loop_now() + most_ns;
    int32_t count;
    while (!rest.more && (count = zl_inbox_receive(inbox, socket->zmq, 0)) >= 0) {
        unsigned body = count > 0 ? find_body(socket, inbox->messages, (unsigned)count) : 0;
        rest.count++;
        if (count > 0 && loop->reload.options.dead_letter)
            rest.kept += zl_deadletter_write(&loop->reload.dead_letter, inbox->messages + body,
                                             (unsigned)count - body);
        rest.more = rest.count % 64 == 0 && zl_loop_now() > until;
    }
    zl_inbox_clear(inbox, 0);
    return rest;
}

/* What only receives gives its endpoints up first: what its peers have not written yet stays with
 * them. Others still have to send. */
static void stop_input(struct zl_socket *socket)
{
    struct zl_endpoint_entry *entry;
    if (socket->pattern->sends)
        return;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound)
            zl_wire_unbind(socket->zmq, entry->text);
        else
            zl_wire_disconnect(socket->zmq, entry->text);
    }
}

static void close_orphan(struct zl_socket *socket)
{
    char name[ZL_WHY_MAX];
    const char *pattern = socket->pattern->name;
    struct unread rest = {0, 0, false};
    zl_socket_describe(socket, name, sizeof name);
    if (socket->pattern->hands_out) {
        stop_input(socket);
        rest = read_rest(socket);
    }
    const char *more = rest.more ? " or more" : "";
    if (rest.count == 0)
        zl_log(ZL_INFO, "", "Closing the %s at %s, which the script no longer opens", pattern,
               name);
    else if (rest.kept == rest.count && !rest.more)
        zl_log(ZL_WARN, "",
               "Closing the %s at %s, which the script no longer opens: %lu messages that it had "
               "received are in the dead letters",
               pattern, name, rest.count);
    else
        zl_log(ZL_WARN, "",
               "Closing the %s at %s, which the script no longer opens: %lu%s messages that it had "
               "received are lost, %lu are in the dead letters; a socket with a name keeps them "
               "where its address changes",
               pattern, name, rest.count - rest.kept, more, rest.kept);
    zl_socket_close(socket);
}

/* --- the decision ---------------------------------------------------------------------------- */

void zl_orphans_begin(struct zl_loop *loop)
{
    zl_agenda_set(&loop->reload.agenda, ZL_DUE_SETTLE, SETTLING);
}

static void tell_staying(const struct zl_loop *loop, unsigned count)
{
    const char *why = has_opened(loop) ? "has ended" : "opens no socket";
    zl_log(ZL_WARN, "",
           "%u socket%s of the generation before stay%s open and queue%s what comes, because the "
           "new version %s: save the whole script, or stop",
           count, count == 1 ? "" : "s", count == 1 ? "s" : "", count == 1 ? "s" : "", why);
}

void zl_orphans_turn(struct zl_loop *loop)
{
    struct zl_agenda *agenda = &loop->reload.agenda;
    if (!zl_agenda_has(agenda, ZL_DUE_SETTLE) ||
        (!zl_agenda_is_due(agenda, ZL_DUE_SETTLE) && !is_settled(loop)))
        return;
    zl_agenda_clear(agenda, ZL_DUE_SETTLE);
    zl_tenancy_sweep(loop);
    unsigned count = count_orphans(loop);
    if (count > 0 && loop->reload.options.watch && (has_ended(loop) || !has_opened(loop))) {
        tell_staying(loop, count);
        return;
    }
    struct zl_socket *next, *socket = TAILQ_FIRST(&loop->sockets);
    for (; socket; socket = next) {
        next = TAILQ_NEXT(socket, all);
        if (is_orphan(socket))
            close_orphan(socket);
    }
}

bool zl_orphans_wait(const struct zl_loop *loop)
{
    return zl_agenda_has(&loop->reload.agenda, ZL_DUE_SETTLE) && count_orphans(loop) > 0;
}
