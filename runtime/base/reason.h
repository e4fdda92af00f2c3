/* SPDX-License-Identifier: MIT */
/* Functions that can fail return a reason in words: the buffer `why` that they fill has this size.
 */
#pragma once

enum { ZL_WHY_MAX = 1024 };
