/* SPDX-License-Identifier: MIT */
/* See finder.h. A socket is found again by its name where it has one; else a bound one by its
 * endpoint as the script gave it, so that a free port stays the same port, and a connected one by
 * the addresses that both have. */
#include "runtime/reload/finder.h"
#include "runtime/socket/endpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what fits ------------------------------------------------------------------------------- */

/* A free port that has become a number may be asked for by that number: state carries it. */
bool zl_finder_is_bound_to(const struct zl_endpoint_entry *entry,
                           const struct zl_endpoint *endpoint)
{
    if (strcmp(entry->asked, endpoint->text) == 0 || strcmp(entry->text, endpoint->text) == 0)
        return true;
    if (endpoint->transport != ZL_TCP || endpoint->port == 0)
        return false;
    size_t host = (size_t)(strrchr(endpoint->text, ':') - endpoint->text) + 1;
    const char *port = strrchr(entry->text, ':');
    return strncmp(entry->asked, endpoint->text, host) == 0 && port &&
           atoi(port + 1) == endpoint->port;
}

static bool is_connected_to(const struct zl_socket *socket, const struct zl_endpoint *endpoint)
{
    const struct zl_endpoint_entry *entry;
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        if (!entry->bound && strcmp(entry->text, endpoint->text) == 0)
            return true;
    }
    return false;
}

/* How well the socket fits: 0 not at all. */
static int fit(const struct zl_socket *socket, const struct zl_socket_spec *spec)
{
    enum { SAME_NAME = 1 << 20 };
    const struct zl_endpoint_entry *bound = zl_endpoints_first_bound(socket);
    const char *name = spec->options->name, *its_name = socket->options.name;
    if (socket->pattern != spec->pattern || (bound != NULL) != (spec->use == ZL_BIND))
        return 0;
    if (name || its_name)
        return name && its_name && strcmp(name, its_name) == 0 ? SAME_NAME : 0;
    if (spec->use == ZL_BIND)
        return zl_finder_is_bound_to(bound, spec->endpoints);
    int shared = spec->count == 0 && socket->is_bare;
    for (int i = 0; i < spec->count; i++)
        shared += is_connected_to(socket, &spec->endpoints[i]);
    return shared;
}

/* --- the list -------------------------------------------------------------------------------- */

/* Clients without an address have this key. */
static const char bare[] = "";

struct zl_candidate {
    struct zl_socket *socket;
    unsigned place; /* in the order of their build */
};

static bool add_key(struct zl_finder *finder, struct zl_candidate *candidate, const char *key)
{
    return zl_table_add(&finder->table, zl_table_hash(key, strlen(key)), candidate);
}

/* By every text that zl_finder_is_bound_to takes for it. */
static bool add_bound(struct zl_finder *finder, struct zl_candidate *candidate,
                      const struct zl_endpoint_entry *entry)
{
    char free_port[2 * ZL_ENDPOINT_MAX];
    const char *host = strrchr(entry->asked, ':'), *port = strrchr(entry->text, ':');
    bool is_same = strcmp(entry->asked, entry->text) == 0;
    if (!add_key(finder, candidate, entry->asked) ||
        (!is_same && !add_key(finder, candidate, entry->text)))
        return false;
    if (!host || !port)
        return true;
    snprintf(free_port, sizeof free_port, "%.*s%s", (int)(host - entry->asked), entry->asked, port);
    return strcmp(free_port, entry->asked) == 0 || strcmp(free_port, entry->text) == 0 ||
           add_key(finder, candidate, free_port);
}

static bool add_candidate(struct zl_finder *finder, struct zl_candidate *candidate)
{
    const struct zl_socket *socket = candidate->socket;
    const struct zl_endpoint_entry *entry;
    bool ok = !socket->is_bare || add_key(finder, candidate, bare);
    if (socket->options.name)
        ok = ok && add_key(finder, candidate, socket->options.name);
    SLIST_FOREACH(entry, &socket->endpoints, link)
    {
        ok = ok && (entry->bound ? add_bound(finder, candidate, entry)
                                 : add_key(finder, candidate, entry->text));
    }
    return ok;
}

void zl_finder_fini(struct zl_finder *finder)
{
    zl_table_fini(&finder->table);
    free(finder->candidates);
    finder->candidates = NULL;
}

/* False without memory. */
static bool list_candidates(struct zl_finder *finder)
{
    const struct zl_hub *hub = finder->hub;
    struct zl_socket *socket;
    unsigned count = 0;
    if (finder->candidates)
        return true;
    finder->candidates = calloc(hub->socket_count + 1, sizeof *finder->candidates);
    bool ok = finder->candidates != NULL;
    TAILQ_FOREACH(socket, &hub->sockets, all)
    {
        struct zl_candidate *candidate = ok ? &finder->candidates[count] : NULL;
        if (!ok || socket->owner == hub->sched.group)
            continue;
        *candidate = (struct zl_candidate){socket, count++};
        ok = add_candidate(finder, candidate);
    }
    if (!ok)
        zl_finder_fini(finder);
    return ok;
}

/* --- looking --------------------------------------------------------------------------------- */

struct search {
    const struct zl_socket_spec *spec;
    const struct zl_group *group;
    struct zl_socket *best;
    int points;
    unsigned place;
};

static void consider(struct search *search, struct zl_socket *socket, unsigned place)
{
    bool is_free = (socket->owner != search->group || socket->is_closing) && !socket->is_yielding;
    int points = is_free ? fit(socket, search->spec) : 0;
    if (points < search->points || points == 0 ||
        (points == search->points && search->best && place >= search->place))
        return;
    search->best = socket;
    search->points = points;
    search->place = place;
}

/* Never the one: all have to be seen. */
static bool consider_candidate(const void *item, const void *arg)
{
    const struct zl_candidate *candidate = item;
    consider((struct search *)arg, candidate->socket, candidate->place);
    return false;
}

static void look_up(const struct zl_finder *finder, struct search *search, const char *key)
{
    zl_table_find(&finder->table, zl_table_hash(key, strlen(key)), consider_candidate, search);
}

struct zl_socket *zl_finder_find(struct zl_finder *finder, const struct zl_socket_spec *spec)
{
    const struct zl_hub *hub = finder->hub;
    struct search search = {spec, hub->sched.group, NULL, 0, 0};
    struct zl_socket *socket;
    unsigned place = 0;
    if (hub->sched.group->life != ZL_LOADING || !list_candidates(finder)) {
        TAILQ_FOREACH(socket, &hub->sockets, all)
        consider(&search, socket, place++);
    } else if (spec->options->name) {
        look_up(finder, &search, spec->options->name);
    } else {
        for (int i = 0; i < spec->count; i++)
            look_up(finder, &search, spec->endpoints[i].text);
        if (spec->count == 0)
            look_up(finder, &search, bare);
    }
    return search.best;
}

struct claim {
    const struct zl_socket *socket;
    const struct zl_endpoint *endpoint;
    struct zl_endpoint_entry *entry;
};

static bool is_claimable(const void *item, const void *arg)
{
    struct zl_socket *other = ((const struct zl_candidate *)item)->socket;
    struct claim *claim = (struct claim *)arg;
    struct zl_endpoint_entry *entry;
    bool is_taken = other->owner == other->hub->sched.group;
    if (other == claim->socket || other->is_unbound)
        return false;
    SLIST_FOREACH(entry, &other->endpoints, link)
    {
        bool is_ours = entry->bound && !entry->pending && !entry->claimed && !entry->yielded_for;
        if (!is_ours || (is_taken && entry->wanted) ||
            !zl_finder_is_bound_to(entry, claim->endpoint))
            continue;
        claim->entry = entry;
        return true;
    }
    return false;
}

struct zl_endpoint_entry *zl_finder_claim(struct zl_finder *finder, const struct zl_socket *socket,
                                          const struct zl_endpoint *endpoint)
{
    struct claim claim = {socket, endpoint, NULL};
    if (list_candidates(finder))
        zl_table_find(&finder->table, zl_table_hash(endpoint->text, strlen(endpoint->text)),
                      is_claimable, &claim);
    return claim.entry;
}
