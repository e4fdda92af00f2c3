/* SPDX-License-Identifier: MIT */
/* Closed sockets. A closed socket keeps sending in the background, and its monitor reports how that
 * ended. It is watched until then, so that every close completes, its descriptors are released, and
 * no loss goes unreported. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct zl_accepted;
struct zl_monitor;

enum { ZL_LINGER_DROP = -1, ZL_LINGER_CONNECTIONS = 64 };

/* Connections that carry the messages sent by a socket. */
struct zl_linger_fds {
    int fds[ZL_LINGER_CONNECTIONS]; /* libzmq's */
    int count;
    bool are_accepted; /* at a bound endpoint, where a queue is discarded with its connection */
};

/* Closes a libzmq socket and its monitor (NULL: none). The socket keeps sending for up to
 * `linger_ms`; if that is not enough, the loss is reported under `name`. ZL_LINGER_DROP discards
 * unsent data. If its peer leaves meanwhile, `carriers` (NULL: losses do not matter) show whether
 * data was in flight. `accepted`, whose ownership passes here, lists the connections of a socket
 * that has no others (NULL: it may have others). Never blocks. */
void zl_linger_close(uv_loop_t *uv, void *closing, struct zl_monitor *monitor, const char *name,
                     int linger_ms, const struct zl_linger_fds *carriers,
                     struct zl_accepted *accepted);

/* Whether a connection (any descriptor of it) has no data that its peer has not acknowledged, and
 * was not reset. */
bool zl_linger_is_clean(int fd);

/* Called during zl_linger_wait: processes libzmq's commands for the thread's open sockets. */
typedef void zl_linger_pump(void *arg);

/* Waits until everything is sent, at most until `deadline` (zl_clock_now's clock). True if it is;
 * otherwise one log line names the peers that did not accept everything. The context is terminated
 * afterwards. */
bool zl_linger_wait(uint64_t deadline, zl_linger_pump *pump, void *arg);
