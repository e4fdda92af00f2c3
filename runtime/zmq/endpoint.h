/* SPDX-License-Identifier: MIT */
/* Strict parsing of hosts, ports and endpoints in front of libzmq, which binds port 34463 for 99999
 * and 12 for 12x, and removes whatever file lies where an ipc endpoint is to be. Pure functions but
 * for zl_endpoint_ipc_free, which looks at the file system; nothing is owned, any thread may call.
 *
 * All return true, or false with `why` filled: it names the value (escaped and cut), the reason and
 * the fix, as in: host "a b" is invalid: a host name has no spaces. None raises; `out` is untouched
 * when they return false. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/reason.h"

#define ZL_ENDPOINT_MAX 512

enum zl_transport { ZL_TCP, ZL_IPC, ZL_INPROC };

enum zl_use { ZL_BIND, ZL_CONNECT };

struct zl_endpoint {
    enum zl_transport transport;
    char text[ZL_ENDPOINT_MAX]; /* what libzmq is given, IPv6 literals in brackets */
    char host[ZL_ENDPOINT_MAX]; /* tcp: the host without brackets; "" otherwise */
    int port;                   /* tcp: 1-65535, 0 = a free one (bind only); 0 otherwise */
    bool ipv6;                  /* the host is an IPv6 literal; the socket needs ZMQ_IPV6 */
};

/* Whether a number from a script is a port it may use: an integer 1024-65535. */
bool zl_port_check(double number);

/* An endpoint of a bare host and a port. The host is a name, an IPv4 address or an IPv6 address,
 * with or without brackets and %scope; to bind, also an interface ("eth0") or "*". Port 0 binds a
 * free one: `text` then ends in ":*". */
bool zl_endpoint_tcp(struct zl_endpoint *out, const char *host, size_t host_size, int port,
                     enum zl_use use, char why[ZL_WHY_MAX]);

/* An endpoint of its text: tcp://host:port (IPv6 in brackets), ipc://path, ipc://@abstract or
 * inproc://name. To bind, port and path may be "*", the port also 0. `text` need not end in NUL. */
bool zl_endpoint_parse(struct zl_endpoint *out, const char *text, size_t size, enum zl_use use,
                       char why[ZL_WHY_MAX]);

/* Reads the port anew out of `text`, which libzmq has written. */
void zl_endpoint_set_port(struct zl_endpoint *endpoint);

/* Whether libzmq may bind the endpoint without taking it from anybody: to be asked right before
 * each zmq_bind, as libzmq unlinks what it finds. True for all but ipc paths; for those true when
 * nothing or the socket of an ended process is there and the folder may be written. Asks a socket's
 * owner by connecting to it; does not wait. */
bool zl_endpoint_ipc_free(const struct zl_endpoint *endpoint, char why[ZL_WHY_MAX]);
