/* SPDX-License-Identifier: MIT */
/* See refusals.h. The route's timer calls when counts are due (zl_route_ops.on_time). */
#include "runtime/socket/refusals.h"

#include <stdarg.h>
#include <stdio.h>

#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/route.h"

static const struct {
    enum zl_level level;
    const char *verb, *noun, *reason;
} kinds[ZL_REFUSAL_KINDS] = {
    [ZL_REFUSAL_LARGE] = {ZL_WARN, "refused", "message", "a frame above max_message_size"},
    [ZL_REFUSAL_FRAMES] = {ZL_WARN, "refused", "message", "more than 4096 frames"},
    [ZL_REFUSAL_ENVELOPE] = {ZL_WARN, "refused", "request", "no envelope"},
    [ZL_REFUSAL_STRAY] = {ZL_WARN, "dropped", "message", "no open request is answered"},
    [ZL_REFUSAL_LATE] = {ZL_DEBUG, "dropped", "message", "no open request is answered"},
    [ZL_REFUSAL_LEFT] = {ZL_WARN, "lost", "peer", "what was still queued is lost"},
};
_Static_assert(ZL_FRAMES_MAX == 4096, "as the text above has it");

static void call_later(struct zl_socket *socket)
{
    if (socket->route)
        zl_route_call_later(socket->route, ZL_QUOTA_MS);
}

void zl_refusals_note(struct zl_socket *socket, enum zl_refusal kind, const char *format, ...)
{
    if (!zl_log_wanted(kinds[kind].level))
        return;
    struct zl_quota *quota = &socket->refusals[kind];
    if (!zl_quota_take(quota)) {
        if (quota->held == 1)
            call_later(socket);
        return;
    }
    char endpoints[ZL_ENDPOINT_MAX], text[ZL_WHY_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    zl_endpoints_describe(socket, endpoints, sizeof endpoints);
    zl_log_later(kinds[kind].level, "", "%s at %s %s", socket->pattern->name, endpoints, text);
}

static void report(struct zl_socket *socket, enum zl_refusal kind, unsigned long count)
{
    char endpoints[ZL_ENDPOINT_MAX];
    zl_endpoints_describe(socket, endpoints, sizeof endpoints);
    zl_log_later(kinds[kind].level, "", "%s at %s %s %lu more %s%s: %s", socket->pattern->name,
                 endpoints, kinds[kind].verb, count, kinds[kind].noun, count == 1 ? "" : "s",
                 kinds[kind].reason);
}

static bool settle(struct zl_socket *socket, bool at_once)
{
    bool any_held = false;
    for (int kind = 0; kind < ZL_REFUSAL_KINDS; kind++) {
        unsigned long count = zl_quota_settle(&socket->refusals[kind], at_once);
        if (count > 0)
            report(socket, (enum zl_refusal)kind, count);
        any_held |= socket->refusals[kind].held > 0;
    }
    return any_held;
}

void zl_refusals_turn(struct zl_socket *socket)
{
    if (settle(socket, false))
        call_later(socket);
}

void zl_refusals_end(struct zl_socket *socket)
{
    settle(socket, true);
}
