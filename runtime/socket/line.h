/* SPDX-License-Identifier: MIT */
/* Lines of a script, which are remembered for the error of a later misuse. */
#pragma once

enum { ZL_LINE_MAX = 80, ZL_SOURCE_MAX = 60 };

/* A line of a script. It is noted for every message, so its text is made when somebody wants it. */
struct zl_line {
    char source[ZL_SOURCE_MAX]; /* "worker.lua" */
    int number;                 /* 0 when there is none */
};

/* "worker.lua:12" (ZL_LINE_MAX bytes), or "" for no line. */
void zl_line_text(const struct zl_line *line, char *text);
