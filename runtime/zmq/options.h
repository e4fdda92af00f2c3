/* SPDX-License-Identifier: MIT */
/* The options of a pattern. bindings/options reads them from a script; each socket has its own
 * copy. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/table.h"

/* The default of max_message_size, in bytes, and the lowest limit set in libzmq: libzmq drops the
 * connection of a peer that sends a larger frame, together with all messages behind it. A lower
 * limit of a script is enforced by the host, which rejects only the message. */
#define ZL_FRAME_DEFAULT ((int64_t)64 << 20)

/* Bytes; longer subscriptions may not match over TCP (libzmq 4.3.4). */
enum { ZL_TOPIC_MAX = 245 };

struct zl_bytes {
    const char *data; /* may hold NUL */
    size_t size;
};

/* Times are in seconds and sizes in bytes, unless noted. */
struct zl_options {
    int send_hwm, receive_hwm; /* messages; 0 = no limit */
    double timeout;            /* of a blocked send, and for a reply; < 0 = none */
    int retries;
    int64_t max_message_size;
    bool immediate, conflate, lossless, embed_topic, exact;
    int heartbeat;           /* milliseconds; 0 = off */
    const char *name;        /* NULL for none */
    struct zl_bytes topic;   /* pub */
    struct zl_bytes *topics; /* sub */
    size_t topic_count;
    struct zl_table topic_table; /* of a copy: points into topics */
    bool is_plain;               /* set by zl_options_copy: see zl_options_are_plain */
};

/* Makes a deep copy; false without memory. zl_options_fini frees it. */
bool zl_options_copy(struct zl_options *to, const struct zl_options *from);
void zl_options_fini(struct zl_options *options);

/* Whether messages are sent and received unchanged and unfiltered. */
bool zl_options_are_plain(const struct zl_options *options);

/* Whether a sub is subscribed to exactly this topic. */
bool zl_options_have_topic(const struct zl_options *options, const struct zl_bytes *topic);
