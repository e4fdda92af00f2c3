/* SPDX-License-Identifier: MIT */
/* Which socket is the one that a script is about to open: for a generation that starts, all that it
 * may take over are listed by name and endpoint once. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>

#include "runtime/base/table.h"
#include "runtime/socket/socket.h"

struct zl_candidate;

/* What the running generation is about to open. */
struct zl_socket_spec {
    const struct zl_pattern *pattern;
    const struct zl_options *options;
    const struct zl_endpoint *endpoints;
    int count;
    enum zl_use use;
};

/* Zeroed but for the hub: there is no list. */
struct zl_finder {
    struct zl_hub *hub;
    struct zl_table table; /* of candidates, by each of their keys */
    struct zl_candidate *candidates;
};

/* The socket that fits the spec best, among those that the running generation may take over; NULL
 * for none. */
struct zl_socket *zl_finder_find(struct zl_finder *finder, const struct zl_socket_spec *spec);

/* The bound endpoint of another socket that `socket` may have instead, as the running generation,
 * which is starting, does not want it there; NULL for none. */
struct zl_endpoint_entry *zl_finder_claim(struct zl_finder *finder, const struct zl_socket *socket,
                                          const struct zl_endpoint *endpoint);

/* The generation has started, or failed to: the list is given up. */
void zl_finder_fini(struct zl_finder *finder);

/* Whether the bound endpoint is what the script means. */
bool zl_finder_is_bound_to(const struct zl_endpoint_entry *entry,
                           const struct zl_endpoint *endpoint);
