/* SPDX-License-Identifier: MIT */
/* See orphans.h. A script that opens nothing may be the first half of a save: that its main task
 * has ended proves nothing then. */
#include "runtime/reload/orphans.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/reload/adoption.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/inflight.h"
#include "runtime/socket/sockets.h"
#include "runtime/socket/unread.h"
#include "runtime/socket/work.h"

enum { SETTLING = 10 }; /* seconds */

/* --- whether the start of the script is over ------------------------------------------------- */

static bool has_opened(const struct zl_serving *reload)
{
    const struct zl_socket *socket;
    TAILQ_FOREACH(socket, &reload->hub->sockets, all)
    {
        if (socket->owner == reload->hub->sched.group)
            return true;
    }
    return false;
}

/* The main task receives, or has ended and left others at work on sockets; and the tasks that it
 * has made had their turn. */
static bool is_settled(const struct zl_serving *reload)
{
    const struct zl_generation *generation = zl_serving_generation(reload);
    if (generation->group.failed || !TAILQ_EMPTY(&generation->group.ready))
        return false;
    if (generation->main->status < ZL_TASK_DONE)
        return zl_inflight_is_receiving(generation->main);
    return zl_generation_lives(generation) && has_opened(reload);
}

static bool is_orphan(const struct zl_socket *socket)
{
    return !socket->owner && !socket->previous;
}

static unsigned count_orphans(const struct zl_serving *reload)
{
    unsigned count = 0;
    const struct zl_socket *socket;
    TAILQ_FOREACH(socket, &reload->hub->sockets, all)
    {
        count += is_orphan(socket);
    }
    return count;
}

/* --- closing --------------------------------------------------------------------------------- */

static void close_orphan(struct zl_socket *socket)
{
    char name[ZL_WHY_MAX];
    const char *pattern = socket->pattern->name;
    const char *fate = socket->is_yielding ? "whose place another one has taken"
                                           : "which the script no longer opens";
    zl_endpoints_describe(socket, name, sizeof name);
    struct zl_unread rest = zl_unread_read(socket);
    const char *more = rest.more ? " or more" : "";
    if (rest.count == 0)
        zl_log(ZL_INFO, "", "Closing the %s at %s, %s", pattern, name, fate);
    else if (rest.kept == rest.count && !rest.more)
        zl_log(
            ZL_WARN, "",
            "Closing the %s at %s, %s: %lu messages that it had received are in the dead letters",
            pattern, name, fate, rest.count);
    else
        zl_log(ZL_WARN, "",
               "Closing the %s at %s, %s: %lu%s messages that it had received are lost, %lu are in "
               "the "
               "dead letters; a socket with a name keeps them where its address changes",
               pattern, name, fate, rest.count - rest.kept, more, rest.kept);
    zl_sockets_close(socket);
}

/* --- the decision ---------------------------------------------------------------------------- */

void zl_orphans_begin(struct zl_serving *reload)
{
    zl_deadlines_set(&reload->deadlines, ZL_DUE_SETTLE, SETTLING);
}

static void tell_staying(const struct zl_serving *reload, unsigned count)
{
    const char *why = has_opened(reload) ? "has ended" : "opens no socket";
    zl_log(ZL_WARN, "",
           "%u socket%s of the generation before stay%s open and queue%s what comes, because the "
           "new version %s: save the whole script, or stop",
           count, count == 1 ? "" : "s", count == 1 ? "s" : "", count == 1 ? "s" : "", why);
}

void zl_orphans_turn(struct zl_serving *reload)
{
    struct zl_deadlines *deadlines = &reload->deadlines;
    if (!zl_deadlines_has(deadlines, ZL_DUE_SETTLE) ||
        (!zl_deadlines_is_due(deadlines, ZL_DUE_SETTLE) && !is_settled(reload)))
        return;
    zl_deadlines_clear(deadlines, ZL_DUE_SETTLE);
    zl_adoption_drop_unwanted(reload->hub);
    unsigned count = count_orphans(reload);
    if (count > 0 && reload->options.watch &&
        (!zl_generation_lives(zl_serving_generation(reload)) || !has_opened(reload))) {
        tell_staying(reload, count);
        return;
    }
    struct zl_socket *next, *socket = TAILQ_FIRST(&reload->hub->sockets);
    for (; socket; socket = next) {
        next = TAILQ_NEXT(socket, all);
        if (is_orphan(socket))
            close_orphan(socket);
    }
}

bool zl_orphans_wait(const struct zl_serving *reload)
{
    return zl_deadlines_has(&reload->deadlines, ZL_DUE_SETTLE) && count_orphans(reload) > 0;
}
