/* SPDX-License-Identifier: MIT */
/* Which generation uses which socket. A socket outlives its owner: the next generation takes it
 * over as it is, with its queue and its peers, when it opens one of the same pattern at the same
 * place. Until the next one has proved itself, the previous owner's options are kept, so that it
 * can be put back. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>

#include "runtime/reload/finder.h"

struct zl_group;

/* Why a socket cannot be taken over. */
struct zl_conflict {
    const char *option;             /* that cannot change in place; NULL for none */
    char endpoint[ZL_ENDPOINT_MAX]; /* where the socket was bound; "" for none */
};

/* The socket to take over for the spec; NULL for none. Where an option stands against it, the
 * socket gives its bound endpoints up for a new one: now, or when the generation serves. */
struct zl_socket *zl_adoption_find(struct zl_finder *finder, const struct zl_socket_spec *spec,
                                   struct zl_conflict *conflict);

/* Makes the running generation the owner of the socket, which goes on under the options of the
 * spec and keeps the endpoints of the spec alone. A reference goes to the caller. False without
 * memory, nothing changed. */
bool zl_adoption_take(struct zl_socket *socket, const struct zl_socket_spec *spec);

/* Whether the running generation, which is starting, may have the endpoint for `socket` once it
 * serves: a socket of the generation before is bound there, and is given up, moves or waits to be
 * taken over at another place. It gives the endpoint up then. */
bool zl_adoption_claim(struct zl_finder *finder, struct zl_socket *socket,
                       const struct zl_endpoint *endpoint);

/* The generation does not serve: its sockets go back to their previous owners. */
void zl_adoption_undo(struct zl_group *group);

/* After that generation was closed and `old` is back: what was given up for it is bound again. */
void zl_adoption_restore(struct zl_hub *hub, const struct zl_group *old);

/* The generation is about to be closed for good (NULL: it has been): what it has not passed on is
 * kept by the host, and it is no previous owner any more. */
void zl_adoption_leave(struct zl_hub *hub, const struct zl_group *group);

/* Closes the endpoints that the sockets' owners no longer name. Orphans stay as they are, see
 * orphans.h. */
void zl_adoption_drop_unwanted(struct zl_hub *hub);
