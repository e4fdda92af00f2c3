/* SPDX-License-Identifier: MIT */
/* See line.h. */
#include "runtime/socket/line.h"

#include <stdio.h>

void zl_line_text(const struct zl_line *line, char *text)
{
    text[0] = '\0';
    if (line->number > 0)
        snprintf(text, ZL_LINE_MAX, "%s:%d", line->source, line->number);
}
