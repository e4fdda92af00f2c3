/* SPDX-License-Identifier: MIT */
/* inproc endpoints: both ends are in this process, so the host connects only to a name that is
 * bound by a pattern that matches, and waits for it otherwise. libzmq would take messages for a
 * name that nobody binds, join any two types, and abort when such a connection is taken back and
 * the name is bound by another type (4.3.4, pipe.cpp). Used on the loop's thread alone. */
#pragma once

#include "runtime/socket/socket.h"

/* Connects the entry, now or when the name is bound. False and `why` (ZL_WHY_MAX bytes). */
bool zl_inproc_connect(struct zl_endpoint_entry *entry, char *why);

/* The name was bound: connects what waits for it. */
void zl_inproc_bound(struct zl_hub *hub, const char *endpoint);

/* The name is not bound any more: what was connected to it waits. */
void zl_inproc_unbound(struct zl_hub *hub, const char *endpoint);
