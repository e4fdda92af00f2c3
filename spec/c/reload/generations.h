/* SPDX-License-Identifier: MIT */
/* What the unit tests of adoption share: a second generation that starts, serves or fails, and what
 * it opens. */
#pragma once

#include "spec/c/hub.h"

#include "runtime/reload/adoption.h"
#include "runtime/socket/endpoints.h"

static struct zl_group next; /* the generation that starts */
static struct zl_finder finder;
static struct zl_conflict obstacle;

static inline int teardown(void **state)
{
    zl_finder_fini(&finder);
    hub.sched.group = &tasks.group;
    return hub_close(state);
}

static inline int setup(void **state)
{
    memset(&next, 0, sizeof next);
    memset(&finder, 0, sizeof finder);
    finder.hub = &hub;
    return hub_open(state);
}

/* --- the two generations --------------------------------------------------------------------- */

static inline void start_next(void)
{
    zl_group_init(&next, &hub.sched);
    next.L = tasks.group.L;
    next.serial = 2;
    hub.sched.group = &next;
}

/* It has started: its sockets hand out messages. */
static inline void serve_next(void)
{
    next.life = ZL_SERVING;
    zl_finder_fini(&finder);
}

/* It does not serve: the one before is back. */
static inline void fail_next(void)
{
    zl_adoption_undo(&next);
    hub.sched.group = &tasks.group;
    zl_finder_fini(&finder);
}

/* What it is about to open; `endpoint` is NULL for a client without an address. */
static inline struct zl_socket_spec spec_of(enum zl_pattern_id pattern,
                                            const struct zl_options *options, enum zl_use use,
                                            const char *endpoint)
{
    static struct zl_endpoint parsed;
    if (endpoint)
        parsed = endpoint_of(endpoint, use);
    return (struct zl_socket_spec){zl_pattern_get(pattern), options, &parsed, endpoint ? 1 : 0,
                                   use};
}

static inline struct zl_options named(const char *name)
{
    struct zl_options options = default_options();
    options.name = name;
    return options;
}

static inline struct zl_socket *find(enum zl_pattern_id pattern, const char *name, enum zl_use use,
                                     const char *endpoint)
{
    struct zl_options options = named(name);
    struct zl_socket_spec spec = spec_of(pattern, &options, use, endpoint);
    return zl_adoption_find(&finder, &spec, &obstacle);
}

/* Takes the socket over as a bound one of these options. */
static inline void take_with(struct zl_socket *socket, const struct zl_options *options,
                             enum zl_use use, const char *endpoint)
{
    struct zl_socket_spec spec = spec_of(socket->pattern->id, options, use, endpoint);
    assert_true(zl_adoption_take(socket, &spec));
    keep(socket);
}

static inline void take(struct zl_socket *socket, const char *endpoint)
{
    struct zl_options options = named(socket->options.name);
    take_with(socket, &options, ZL_BIND, endpoint);
}

static inline struct zl_socket *bound_pull(const char *name, const char *endpoint)
{
    struct zl_options options = named(name);
    return bind_to(open_with(ZL_PULL, &options), endpoint);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
