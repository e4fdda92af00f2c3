/* SPDX-License-Identifier: MIT */
/* See records.h. Records logged by the handler itself go to standard error, and so do all records
 * once the handler has failed. */
#include "runtime/script/records.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/sched/sched.h"
#include "runtime/sched/task.h"

/* The most records queued for a handler. */
enum { MOST_WAITING = 4096 };

/* The texts and fields of the record follow it, in the same block. */
struct zl_queued_record {
    STAILQ_ENTRY(zl_queued_record) link;
    struct zl_record record;
    struct zl_field fields[];
};

void zl_records_init(struct zl_records *records, struct zl_group *group)
{
    records->group = group;
    STAILQ_INIT(&records->queue);
}

/* --- copies ---------------------------------------------------------------------------------- */

static size_t size_of(const struct zl_record *record)
{
    size_t size = sizeof(struct zl_queued_record) + record->size + 1 + strlen(record->source) + 1;
    for (int i = 0; i < record->count; i++)
        size +=
            sizeof *record->fields + strlen(record->fields[i].key) + 1 + record->fields[i].size + 1;
    return size;
}

static const char *put(char **place, const char *text, size_t size)
{
    char *copy = *place;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *place += size + 1;
    return copy;
}

static struct zl_queued_record *copy(const struct zl_record *record)
{
    struct zl_queued_record *queued = malloc(size_of(record));
    if (!queued)
        return NULL;
    char *place = (char *)&queued->fields[record->count];
    queued->record = *record;
    queued->record.message = put(&place, record->message, record->size);
    queued->record.source = put(&place, record->source, strlen(record->source));
    queued->record.fields = queued->fields;
    for (int i = 0; i < record->count; i++) {
        const struct zl_field *field = &record->fields[i];
        queued->fields[i] = *field;
        queued->fields[i].key = put(&place, field->key, strlen(field->key));
        queued->fields[i].value = put(&place, field->value, field->size);
    }
    return queued;
}

/* --- the queue ------------------------------------------------------------------------------- */

bool zl_records_queue(void *arg, const struct zl_record *record)
{
    struct zl_records *records = arg;
    if (!records->handler || records->is_delivering || records->count >= MOST_WAITING)
        return false;
    struct zl_queued_record *queued = copy(record);
    if (!queued)
        return false;
    STAILQ_INSERT_TAIL(&records->queue, queued, link);
    records->count++;
    return true;
}

static struct zl_queued_record *take_first(struct zl_records *records)
{
    struct zl_queued_record *first = STAILQ_FIRST(&records->queue);
    if (first) {
        STAILQ_REMOVE_HEAD(&records->queue, link);
        records->count--;
    }
    return first;
}

void zl_records_end(struct zl_records *records)
{
    struct zl_queued_record *queued;
    records->handler = NULL;
    while ((queued = take_first(records))) {
        zl_log_write(&queued->record);
        free(queued);
    }
}

/* --- the handler ----------------------------------------------------------------------------- */

/* The handler runs outside any task: it cannot wait, and does not share the delivery of the task
 * that logs. */
static bool call(struct zl_records *records, const struct zl_record *record)
{
    const struct zl_group *group = records->group;
    struct zl_sched *sched = group->sched;
    struct zl_task *interrupted = sched->current;
    if (!records->handler || !group->L || group->failed)
        return false;
    records->is_delivering = true;
    sched->current = sched->outside;
    bool taken = records->handler(group->L, record);
    sched->current = interrupted;
    records->is_delivering = false;
    return taken;
}

void zl_records_deliver(struct zl_records *records)
{
    struct zl_queued_record *queued;
    if (STAILQ_EMPTY(&records->queue) || records->is_delivering)
        return;
    while ((queued = take_first(records))) {
        if (!call(records, &queued->record))
            zl_log_write(&queued->record);
        free(queued);
    }
}

bool zl_records_pass(struct zl_records *records, const struct zl_record *record)
{
    if (records->is_delivering)
        return false;
    zl_records_deliver(records);
    return call(records, record);
}
