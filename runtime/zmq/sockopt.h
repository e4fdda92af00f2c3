/* SPDX-License-Identifier: MIT */
/* Applies a pattern's options to a new libzmq socket. Belongs to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct zl_options;
struct zl_pattern;

/* The frame size limit set in libzmq, in bytes. */
int64_t zl_sockopt_frame_limit(const struct zl_options *options);

/* False, with errno set, if libzmq rejects an option. */
bool zl_sockopt_apply(void *zmq, const struct zl_pattern *pattern,
                      const struct zl_options *options);
