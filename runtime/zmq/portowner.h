/* SPDX-License-Identifier: MIT */
/* Finds the process that occupies a port or path, for error messages. Reads /proc: Linux only, and
 * limited to processes that this user may inspect. Any thread; may take milliseconds on a machine
 * with many processes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Writes "python3, pid 123" for the process that listens on the TCP port. False, with `out`
 * unchanged, if there is none or it is not visible. Never raises. */
bool zl_portowner_find(int port, char *out, size_t size);

/* The same for the process that accepts connections at the path of a socket file, found by
 * connecting to it; does not wait. False only if the file is left over from a process that has
 * ended: a process that cannot be identified counts as an owner, and is described by the reason. */
bool zl_portowner_find_ipc(const char *path, char *out, size_t size);
