/* SPDX-License-Identifier: MIT */
/* A pattern's options on a fresh libzmq socket. Used on the loop's thread alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct zl_options;
struct zl_pattern;

/* The limit of a frame that libzmq gets, in bytes. */
int64_t zl_sockopt_frame_limit(const struct zl_options *options);

/* False, with errno set, when libzmq refuses one. */
bool zl_sockopt_apply(void *zmq, const struct zl_pattern *pattern,
                      const struct zl_options *options);
