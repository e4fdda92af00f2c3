/* SPDX-License-Identifier: MIT */
/* See endpoints.h. */
#include "runtime/socket/endpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/reason.h"

void zl_endpoints_forget(struct zl_socket *socket, struct zl_endpoint_entry *entry)
{
    SLIST_REMOVE(&socket->endpoints, entry, zl_endpoint_entry, link);
    free(entry->asked);
    free(entry);
}

struct zl_endpoint_entry *zl_endpoints_add(struct zl_socket *socket, const char *text, char *why)
{
    struct zl_endpoint_entry *entry = calloc(1, sizeof *entry);
    if (!entry) {
        snprintf(why, ZL_WHY_MAX, "not enough memory");
        return NULL;
    }
    snprintf(entry->text, sizeof entry->text, "%s", text);
    entry->wanted = true;
    entry->added_by = socket->hub->sched.group->serial;
    SLIST_INSERT_HEAD(&socket->endpoints, entry, link);
    return entry;
}

struct zl_endpoint_entry *zl_endpoints_find_connected(struct zl_socket *socket, const char *text)
{
    struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (!entry->bound && strcmp(entry->text, text) == 0)
            return entry;
    }
    return NULL;
}

/* Those of one route, or of all where it is NULL. */
static void describe(const struct zl_socket *socket, const struct zl_route *route, char *out,
                     size_t size)
{
    const struct zl_endpoint_entry *entry;
    size_t used = 0;
    out[0] = '\0';
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (route && entry->route != route)
            continue;
        int n = snprintf(out + used, size - used, "%s%s", used ? ", " : "", entry->text);
        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
    }
}

void zl_endpoints_describe(const struct zl_socket *socket, char *out, size_t size)
{
    describe(socket, NULL, out, size);
}

void zl_endpoints_describe_route(const struct zl_route *route, char *out, size_t size)
{
    describe(route->socket, route, out, size);
}

bool zl_endpoints_are_bound(const struct zl_socket *socket)
{
    const struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound && entry->wanted)
            return true;
    }
    return false;
}

bool zl_endpoints_have_inproc(const struct zl_socket *socket)
{
    const struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (zl_endpoints_is_inproc(entry->text))
            return true;
    }
    return false;
}

bool zl_endpoints_are_inproc(const struct zl_socket *socket)
{
    const struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (!zl_endpoints_is_inproc(entry->text))
            return false;
    }
    return true;
}

bool zl_endpoints_is_inproc(const char *endpoint)
{
    return strncmp(endpoint, "inproc:", strlen("inproc:")) == 0;
}

const struct zl_endpoint_entry *zl_endpoints_first_bound(const struct zl_socket *socket)
{
    const struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (entry->bound)
            return entry;
    }
    return NULL;
}
