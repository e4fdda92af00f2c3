/* SPDX-License-Identifier: MIT */
/* The log: records with a level, a message, a source line and fields, each written to standard
 * error as one line. Any thread may call it. A thread may divert its own records to a sink: that is
 * how `log.handler` receives them (records.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum zl_level { ZL_DEBUG, ZL_INFO, ZL_WARN, ZL_ERROR, ZL_SILENT };
enum zl_log_format { ZL_LOG_AUTO, ZL_LOG_TEXT, ZL_LOG_LOGFMT, ZL_LOG_JSON };

struct zl_field {
    const char *key;
    const char *value;
    size_t size;
    bool bare; /* a number or a boolean: JSON writes it without quotes */
};

struct zl_record {
    double time; /* seconds since the epoch */
    enum zl_level level;
    const char *message;
    size_t size;
    const char *source; /* "worker.lua:12", or "" */
    const struct zl_field *fields;
    int count;
};

/* Returns whether it has taken the record; otherwise the record goes to standard error. Called
 * wherever the host logs, also in the middle of state changes: it must not run Lua. */
typedef bool zl_log_sink(void *arg, const struct zl_record *record);

/* Enables the report of lost lines. Called once, at startup. */
void zl_log_start(void);

/* The threshold, below which records are dropped, and level names. zl_log_level_find returns
 * ZL_SILENT for an unknown name. */
enum zl_level zl_log_level(void);
void zl_log_set_level(enum zl_level level);
const char *zl_log_level_name(enum zl_level level);
enum zl_level zl_log_level_find(const char *name);

/* ZL_LOG_AUTO selects text on a terminal, logfmt elsewhere. */
void zl_log_set_format(enum zl_log_format format);

/* Sets the calling thread's sink; NULL removes it. */
void zl_log_set_sink(zl_log_sink *sink, void *arg);

/* Whether records of this level are logged. */
bool zl_log_wanted(enum zl_level level);

/* Sends the record to the thread's sink, else to standard error, if its level is wanted. Fills in
 * `time`. Never fails. */
void zl_log_emit(struct zl_record *record);

/* The current time, as in zl_record.time. */
double zl_log_time(void);

/* Writes the record to standard error unchanged, ignoring the threshold and the sink. Never
 * fails. */
void zl_log_write(const struct zl_record *record);

/* The same as zl_log_emit for a printf-formatted message without fields. `source` may be "". */
void zl_log(enum zl_level level, const char *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same from code in which no Lua may run: the record is held until the thread's next
 * zl_log_flush. Up to 1 MiB of records is held; the number of further ones is logged. */
void zl_log_later(enum zl_level level, const char *source, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void zl_log_flush(void);
