/* SPDX-License-Identifier: MIT */
/* Who holds what zlrun wants to bind, for the text of an error. Read from /proc, so Linux only, and
 * only as far as this user may look into other processes. Any thread may call it; it may take
 * milliseconds on a machine with many processes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Writes "python3, pid 123" for the process that listens on the TCP port. False, with `out`
 * untouched, when there is none or it cannot be seen. Never raises. */
bool zl_portowner_find(int port, char *out, size_t size);

/* The same for who accepts connections at the path of a socket file, found by connecting to it;
 * does not wait. False only when the file is left over from a process that has ended: who cannot be
 * asked counts as an owner and is described by the reason. */
bool zl_portowner_find_ipc(const char *path, char *out, size_t size);
