/* SPDX-License-Identifier: MIT */
/* See binding.h. */
#include "runtime/socket/binding.h"

#include <stdlib.h>

#include "runtime/base/log.h"
#include "runtime/base/reason.h"
#include "runtime/socket/bind.h"
#include "runtime/socket/connect.h"
#include "runtime/socket/endpoints.h"
#include "runtime/socket/waitq.h"
#include "runtime/socket/take.h"
#include "runtime/zmq/call.h"

void zl_binding_forget_all(struct zl_socket *socket)
{
    struct zl_endpoint_entry *entry;
    while ((entry = SLIST_FIRST(&socket->endpoints))) {
        bool was_bound = entry->bound && entry->route;
        SLIST_REMOVE_HEAD(&socket->endpoints, link);
        if (was_bound)
            zl_bind_note_unbound(socket, entry);
        free(entry->asked);
        free(entry);
    }
}

void zl_binding_apply_pending(struct zl_socket *socket)
{
    char why[ZL_WHY_MAX];
    struct zl_endpoint_entry *next, *entry = SLIST_FIRST(&socket->endpoints);
    for (; entry; entry = next) {
        next = SLIST_NEXT(entry, link);
        if (entry->pending && !(entry->bound ? zl_bind_entry(socket, entry, why)
                                             : zl_connect_entry(socket, entry, why)))
            zl_log(ZL_ERROR, "", "%s", why);
        entry->pending = false;
        if (entry->dropped && !socket->previous) {
            zl_connect_release(socket, entry);
            zl_endpoints_forget(socket, entry);
            zl_waitq_mark_dirty(socket);
        }
    }
}

void zl_binding_drop_unwanted(struct zl_socket *socket)
{
    struct zl_endpoint_entry *next, *entry = SLIST_FIRST(&socket->endpoints);
    for (; entry; entry = next) {
        next = SLIST_NEXT(entry, link);
        if (entry->wanted)
            continue;
        zl_log(ZL_INFO, "", "%s %s", entry->bound ? "Unbinding" : "Disconnecting from",
               entry->text);
        if (entry->bound)
            zl_bind_release(socket, entry);
        else
            zl_connect_release(socket, entry);
        zl_endpoints_forget(socket, entry);
        zl_waitq_mark_dirty(socket);
    }
}

void zl_binding_unlink(struct zl_socket *socket)
{
    struct zl_endpoint_entry *entry;
    zl_take_prefetched(socket);
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound)
            zl_bind_release(socket, entry);
        else
            zl_call_disconnect(socket->zmq, entry->text);
    }
    socket->is_unbound = true;
}

void zl_binding_release_bound(struct zl_socket *socket)
{
    struct zl_endpoint_entry *entry;
    zl_take_prefetched(socket);
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound)
            zl_bind_release(socket, entry);
    }
    socket->is_unbound = true;
}
