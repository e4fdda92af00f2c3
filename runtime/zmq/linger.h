/* SPDX-License-Identifier: MIT */
/* Sockets on their way out. A closed socket goes on sending in the background, and its monitor
 * tells how that ended. It is watched until then, so that every close ends, its descriptors come
 * back, and nothing that was sent is dropped without a word. The loop's thread alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct zl_accepted;
struct zl_monitor;

enum { ZL_LINGER_DROP = -1, ZL_LINGER_CONNECTIONS = 64 };

/* Connections that carry what the socket has sent. */
struct zl_linger_fds {
    int fds[ZL_LINGER_CONNECTIONS]; /* libzmq's */
    int count;
    bool are_accepted; /* at a bound endpoint, where a queue ends with its connection */
};

/* Closes a libzmq socket, together with its monitor (NULL: it has none). It goes on sending for up
 * to `linger_ms` and is reported as `name` when that was not enough; ZL_LINGER_DROP drops what is
 * left. When its peer leaves meanwhile, `carriers` (NULL: none matter) show whether something was
 * on its way. `accepted`, which is taken over: the connections of a socket that has no others
 * (NULL: it may have). Never blocks. */
void zl_linger_close(uv_loop_t *uv, void *closing, struct zl_monitor *monitor, const char *name,
                     int linger_ms, const struct zl_linger_fds *carriers,
                     struct zl_accepted *accepted);

/* Whether a connection, by any descriptor of it, has ended or goes on with nothing that its peer
 * did not take. */
bool zl_linger_is_clean(int fd);

/* Called while the drain waits: lets the thread's open sockets process what libzmq has for them. */
typedef void zl_linger_pump(void *arg);

/* Waits until everything is sent, at most until `deadline` (zl_clock_now's clock). True when it is;
 * otherwise one line in the log names what took nothing. The context ends afterwards. */
bool zl_linger_wait(uint64_t deadline, zl_linger_pump *pump, void *arg);
