/* SPDX-License-Identifier: MIT */
/* See log.h. Each line is assembled in memory and written in one piece, so that lines of several
 * threads and processes do not interleave. A record has three formats: text for terminals, logfmt
 * for files and pipes, JSON on request. */
#include "runtime/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/output.h"

static const char *const names[] = {"debug", "info", "warn", "error", "silent"};

enum { MESSAGE_MAX = 2048, POSTPONED_MAX = 1 << 20 /* bytes */ };

/* The source and the message stand behind it. */
struct later {
    STAILQ_ENTRY(later) link;
    enum zl_level level;
    size_t source_size; /* with its end */
    char text[];
};

static _Thread_local STAILQ_HEAD(, later) postponed; /* initialized on first use */
static _Thread_local size_t postponed_bytes;
static _Thread_local unsigned long unpostponed; /* lines dropped because the limit was reached */
static atomic_int threshold = ZL_INFO;
static atomic_int chosen_format = ZL_LOG_AUTO;
static _Thread_local zl_log_sink *thread_sink;
static _Thread_local void *thread_sink_arg;

enum zl_level zl_log_level(void)
{
    return (enum zl_level)atomic_load_explicit(&threshold, memory_order_relaxed);
}

void zl_log_set_level(enum zl_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

const char *zl_log_level_name(enum zl_level level)
{
    return names[level];
}

enum zl_level zl_log_level_find(const char *name)
{
    enum zl_level level = ZL_DEBUG;
    while (level < ZL_SILENT && strcmp(names[level], name) != 0)
        level++;
    return level;
}

void zl_log_set_format(enum zl_log_format format)
{
    atomic_store(&chosen_format, (int)format);
}

void zl_log_set_sink(zl_log_sink *sink, void *arg)
{
    thread_sink = sink;
    thread_sink_arg = arg;
}

bool zl_log_wanted(enum zl_level level)
{
    return level >= zl_log_level();
}

static void put_escaped(FILE *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c == '\t')
            fputs("\\t", out);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
}

/* Length of the UTF-8 sequence at `text`, in bytes; 0 if it is invalid (RFC 3629: no surrogates, no
 * overlong forms). */
static size_t utf8_length(const unsigned char *text, size_t size)
{
    unsigned char c = text[0];
    size_t length = c < 0x80                ? 1
                    : c >= 0xc2 && c < 0xe0 ? 2
                    : (c & 0xf0) == 0xe0    ? 3
                    : c >= 0xf0 && c < 0xf5 ? 4
                                            : 0;
    if (length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) ||
        (c == 0xf0 && text[1] < 0x90) || (c == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

/* JSON text is UTF-8: invalid bytes become U+FFFD. */
static void put_json_string(FILE *out, const char *text, size_t size)
{
    fputc('"', out);
    for (size_t i = 0; i < size;) {
        size_t length = utf8_length((const unsigned char *)text + i, size - i);
        if (length == 0)
            fputs("\\ufffd", out);
        else
            put_escaped(out, text + i, length);
        i += length ? length : 1;
    }
    fputc('"', out);
}

static bool needs_quotes(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
            return true;
    }
    return size == 0;
}

static void put_logfmt_value(FILE *out, const char *text, size_t size)
{
    if (!needs_quotes(text, size)) {
        fwrite(text, 1, size, out);
        return;
    }
    fputc('"', out);
    put_escaped(out, text, size);
    fputc('"', out);
}

static void put_time(FILE *out, double when, const char *format)
{
    time_t seconds = (time_t)when;
    char text[32];
    struct tm broken;
    strftime(text, sizeof text, format, localtime_r(&seconds, &broken));
    fprintf(out, "%s.%03d", text, (int)((when - (double)seconds) * 1000));
    if (format[1] != 'H') {
        strftime(text, sizeof text, "%z", &broken);
        fputs(text, out);
    }
}

/* The fields of both text formats. */
static void put_fields(FILE *out, const struct zl_record *record)
{
    for (int i = 0; i < record->count; i++) {
        fprintf(out, " %s=", record->fields[i].key);
        put_logfmt_value(out, record->fields[i].value, record->fields[i].size);
    }
}

static void put_text(FILE *out, const struct zl_record *record)
{
    static const char *const labels[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
    put_time(out, record->time, "%H:%M:%S");
    fprintf(out, " %s ", labels[record->level]);
    if (*record->source)
        fprintf(out, "%s ", record->source);
    fwrite(record->message, 1, record->size, out);
    put_fields(out, record);
}

static void put_logfmt(FILE *out, const struct zl_record *record)
{
    fputs("time=", out);
    put_time(out, record->time, "%Y-%m-%dT%H:%M:%S");
    fprintf(out, " level=%s", names[record->level]);
    if (*record->source) {
        fputs(" source=", out);
        put_logfmt_value(out, record->source, strlen(record->source));
    }
    fputs(" msg=", out);
    put_logfmt_value(out, record->message, record->size);
    put_fields(out, record);
}

static void put_json(FILE *out, const struct zl_record *record)
{
    fputs("{\"time\":\"", out);
    put_time(out, record->time, "%Y-%m-%dT%H:%M:%S");
    fprintf(out, "\",\"level\":\"%s\"", names[record->level]);
    if (*record->source) {
        fputs(",\"source\":", out);
        put_json_string(out, record->source, strlen(record->source));
    }
    fputs(",\"msg\":", out);
    put_json_string(out, record->message, record->size);
    for (int i = 0; i < record->count; i++) {
        const struct zl_field *field = &record->fields[i];
        fputc(',', out);
        put_json_string(out, field->key, strlen(field->key));
        fputc(':', out);
        if (field->bare)
            fwrite(field->value, 1, field->size, out);
        else
            put_json_string(out, field->value, field->size);
    }
    fputc('}', out);
}

double zl_log_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void zl_log_write(const struct zl_record *record)
{
    char *line = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&line, &size);
    if (!out)
        return;
    int format = atomic_load(&chosen_format);
    if (format == ZL_LOG_JSON)
        put_json(out, record);
    else if (format == ZL_LOG_TEXT || (format == ZL_LOG_AUTO && isatty(STDERR_FILENO)))
        put_text(out, record);
    else
        put_logfmt(out, record);
    fputc('\n', out);
    if (fclose(out) == 0)
        zl_output_write(line, size);
    free(line);
}

void zl_log_emit(struct zl_record *record)
{
    if (!zl_log_wanted(record->level))
        return;
    record->time = zl_log_time();
    if (!thread_sink || !thread_sink(thread_sink_arg, record))
        zl_log_write(record);
}

static void emit_text(enum zl_level level, const char *source, const char *message)
{
    struct zl_record record = {
        .level = level, .message = message, .size = strlen(message), .source = source};
    zl_log_emit(&record);
}

void zl_log(enum zl_level level, const char *source, const char *format, ...)
{
    if (!zl_log_wanted(level))
        return;
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    emit_text(level, source, message);
}

static size_t size_of(const struct later *later)
{
    const char *message = later->text + later->source_size;
    return sizeof *later + later->source_size + strlen(message) + 1;
}

void zl_log_later(enum zl_level level, const char *source, const char *format, ...)
{
    if (!zl_log_wanted(level))
        return;
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    size_t source_size = strlen(source) + 1, message_size = strlen(message) + 1;
    size_t size = sizeof(struct later) + source_size + message_size;
    struct later *later = postponed_bytes + size <= POSTPONED_MAX ? malloc(size) : NULL;
    if (!later) {
        unpostponed++;
        return;
    }
    later->level = level;
    later->source_size = source_size;
    memcpy(later->text, source, source_size);
    memcpy(later->text + source_size, message, message_size);
    if (STAILQ_EMPTY(&postponed))
        STAILQ_INIT(&postponed);
    STAILQ_INSERT_TAIL(&postponed, later, link);
    postponed_bytes += size;
}

void zl_log_flush(void)
{
    struct later *later;
    while ((later = STAILQ_FIRST(&postponed))) {
        STAILQ_REMOVE_HEAD(&postponed, link);
        postponed_bytes -= size_of(later);
        emit_text(later->level, later->text, later->text + later->source_size);
        free(later);
    }
    unsigned long lines = unpostponed;
    unpostponed = 0;
    if (lines > 0)
        zl_log(ZL_WARN, "", "%lu log line%s lost: too many came at once", lines,
               lines == 1 ? " was" : "s were");
}

static void report_loss(unsigned long lines)
{
    zl_log(ZL_WARN, "", "%lu log line%s lost: standard error could not be written", lines,
           lines == 1 ? " was" : "s were");
}

void zl_log_start(void)
{
    zl_output_on_loss(report_loss);
}
