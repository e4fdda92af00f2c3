/* SPDX-License-Identifier: MIT */
/* What a pattern is made with. bindings/options reads it from a script; a socket has a copy of its
 * own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/table.h"

/* The default of max_message_size, in bytes. libzmq drops the connection of a peer that sends a
 * larger frame, with what stands behind it: it never gets a lower limit. What is above a script's
 * own, the host refuses. */
#define ZL_FRAME_DEFAULT ((int64_t)64 << 20)

/* Bytes; longer subscriptions may never match over TCP (libzmq 4.3.4). */
enum { ZL_TOPIC_MAX = 245 };

struct zl_bytes {
    const char *data; /* may hold NUL */
    size_t size;
};

/* What a pattern is made with. Times are seconds, sizes bytes. */
struct zl_options {
    int send_hwm, receive_hwm; /* messages; 0 = no limit */
    double timeout;            /* of a send that must wait, of a reply; < 0 = none */
    int retries;
    int64_t max_message_size;
    bool immediate, conflate, lossless, embed_topic, exact;
    int heartbeat;           /* milliseconds; 0 = off */
    const char *name;        /* NULL for none */
    struct zl_bytes topic;   /* pub */
    struct zl_bytes *topics; /* sub */
    size_t topic_count;
    struct zl_table topic_table; /* of a copy: points into topics */
    bool is_plain; /* set by zl_options_copy: neither topics nor a choice of messages to look after
                    */
};

/* A deep copy of options; false without memory. And its end. */
bool zl_options_copy(struct zl_options *to, const struct zl_options *from);
void zl_options_fini(struct zl_options *options);

/* Whether messages are sent and handed out as they are. */
bool zl_options_are_plain(const struct zl_options *options);

/* Whether the topic is one of a sub's. */
bool zl_options_have_topic(const struct zl_options *options, const struct zl_bytes *topic);
