/* SPDX-License-Identifier: MIT */
/* The size, in bytes, of the buffer `why` that functions fill with the reason of a failure. */
#pragma once

enum { ZL_WHY_MAX = 1024 };
