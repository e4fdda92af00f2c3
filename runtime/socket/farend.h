/* SPDX-License-Identifier: MIT */
/* The other ends of TCP connections, as far as the kernel has them: those on this machine and in
 * this network namespace. It tells a sender that has closed its connection, the end of which still
 * waits behind what it has sent, from one that goes on. Used on the loop's thread while the process
 * stops; never raises. */
#pragma once

#include "runtime/socket/streams.h"

/* Looks each up in /proc: sets `far_end` of those that have a connection; the others stay as they
 * are. */
void zl_farend_look(struct zl_streams *peers);
