/* SPDX-License-Identifier: MIT */
/* The host's only clock: CLOCK_MONOTONIC, in nanoseconds. Callable from any thread. */
#pragma once

#include <stdint.h>
#include <uv.h>

enum { ZL_MS = 1000000 /* nanoseconds */ };

static inline uint64_t zl_clock_now(void)
{
    return uv_hrtime();
}

static inline uint64_t zl_clock_in_ms(uint64_t milliseconds)
{
    return zl_clock_now() + milliseconds * ZL_MS;
}

static inline uint64_t zl_clock_in(double seconds)
{
    return zl_clock_now() + (uint64_t)(seconds * 1e9);
}
