/* SPDX-License-Identifier: MIT */
/* Sockets on their way out. A closed socket goes on sending in the background; libzmq tells the end
 * of that only through the socket's monitor. The drain watches for it, so that nothing that was
 * sent is dropped without a word. One thread closes its own sockets; the list is the loop's
 * thread's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Closes a libzmq socket. With `watch`, it goes on sending for `linger_ms` at most and is named, as
 * `name`, when that was not enough. Never blocks. Looks at the sockets closed before, too. */
void zl_drain_close(void *closing, const char *name, bool watch, int linger_ms);

/* Called while the drain waits: lets the thread's open sockets process what libzmq has for them. */
typedef void zl_drain_pump(void *world);

/* Waits until everything is sent, at most until `deadline` (zl_loop_now's clock). True when it is;
 * otherwise one line in the log names what took nothing. */
bool zl_drain_wait(uint64_t deadline, zl_drain_pump *pump, void *world);
