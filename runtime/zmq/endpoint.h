/* SPDX-License-Identifier: MIT */
/* Strict validation of hosts, ports and endpoints before libzmq sees them. libzmq binds port 34463
 * for 99999 and port 12 for "12x", and unlinks any file at the path of an ipc endpoint. Pure
 * functions except zl_endpoint_ipc_free, which reads the file system; nothing is owned; any thread.
 *
 * All return true, or false with `why` filled: it names the value (escaped, truncated), the reason
 * and the fix, as in: host "a b" is invalid: a host name cannot contain spaces. None raises; `out`
 * is unchanged on failure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/reason.h"

#define ZL_ENDPOINT_MAX 512

enum zl_transport { ZL_TCP, ZL_IPC, ZL_INPROC };

enum zl_use { ZL_BIND, ZL_CONNECT };

struct zl_endpoint {
    enum zl_transport transport;
    char text[ZL_ENDPOINT_MAX]; /* as passed to libzmq, IPv6 literals in brackets */
    char host[ZL_ENDPOINT_MAX]; /* tcp: the host without brackets; otherwise "" */
    int port;                   /* tcp: 1-65535, 0 = any free port (bind only); otherwise 0 */
    bool ipv6;                  /* the host is an IPv6 literal; the socket needs ZMQ_IPV6 */
};

/* Whether a number from a script is a valid port: an integer 1024-65535. */
bool zl_port_check(double number);

/* Makes an endpoint from a bare host and a port. The host is a name, an IPv4 address or an IPv6
 * address, with or without brackets and %scope; for binding also an interface ("eth0") or "*". Port
 * 0 binds any free port: `text` then ends in ":*". */
bool zl_endpoint_tcp(struct zl_endpoint *out, const char *host, size_t host_size, int port,
                     enum zl_use use, char why[ZL_WHY_MAX]);

/* Parses an endpoint: tcp://host:port (IPv6 in brackets), ipc://path, ipc://@abstract or
 * inproc://name. For binding, port and path may be "*", the port also 0. `text` need not be
 * NUL-terminated. */
bool zl_endpoint_parse(struct zl_endpoint *out, const char *text, size_t size, enum zl_use use,
                       char why[ZL_WHY_MAX]);

/* Updates `port` from `text`, which libzmq has written. */
void zl_endpoint_set_port(struct zl_endpoint *endpoint);

/* Whether the endpoint can be bound without taking it from another process: check right before each
 * zmq_bind, because libzmq unlinks an existing file. Always true except for ipc paths; for those,
 * true if the path is free or left over from a process that has ended, and its directory is
 * writable. Detects the owner of a socket by connecting to it; does not wait. */
bool zl_endpoint_ipc_free(const struct zl_endpoint *endpoint, char why[ZL_WHY_MAX]);
