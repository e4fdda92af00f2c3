/* SPDX-License-Identifier: MIT */
/* The log: records with a level, a message, a source line and fields, written to standard error as
 * one line each. Any thread may call it. A thread may divert its own records to a sink, which is
 * how `log.handler` gets them (records.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum zl_level { ZL_DEBUG, ZL_INFO, ZL_WARN, ZL_ERROR, ZL_SILENT };
enum zl_log_format { ZL_LOG_AUTO, ZL_LOG_TEXT, ZL_LOG_LOGFMT, ZL_LOG_JSON };

struct zl_field {
    const char *key;
    const char *value;
    size_t size;
    bool bare; /* a number or a boolean: written without quotes */
};

struct zl_record {
    double time; /* seconds since the epoch */
    enum zl_level level;
    const char *message;
    size_t size;
    const char *source; /* "worker.lua:12", "" when there is none */
    const struct zl_field *fields;
    int count;
};

/* Returns whether it took the record; false has it written as usual. Called wherever the host logs,
 * in the middle of its changes too: it must not run Lua. */
typedef bool zl_log_sink(void *arg, const struct zl_record *record);

/* Has lines that are lost counted and told. Called once, at the start. */
void zl_log_start(void);

/* The level below which nothing is made, and its name; ZL_SILENT for an unknown name. */
enum zl_level zl_log_level(void);
void zl_log_set_level(enum zl_level level);
const char *zl_log_level_name(enum zl_level level);
enum zl_level zl_log_level_find(const char *name);

/* AUTO: text on a terminal, logfmt elsewhere. */
void zl_log_set_format(enum zl_log_format format);

/* The calling thread's sink; NULL for none. */
void zl_log_set_sink(zl_log_sink *sink, void *arg);

bool zl_log_wanted(enum zl_level level);

/* Writes the record when its level is wanted. `time` is filled in. Never fails. */
void zl_log_emit(struct zl_record *record);

/* Now, as a record's time. */
double zl_log_time(void);

/* Writes the record to standard error as it is, whatever its level and the sink. Never fails. */
void zl_log_write(const struct zl_record *record);

/* The same for a message without fields, made as printf does. `source` may be "". */
void zl_log(enum zl_level level, const char *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same from where no Lua may be called: written at the thread's next zl_log_flush. Up to 1 MiB
 * of lines is kept; of further ones, the count is logged. */
void zl_log_later(enum zl_level level, const char *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void zl_log_flush(void);
