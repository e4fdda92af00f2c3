/* SPDX-License-Identifier: MIT */
/* Log records queued for a generation's log handler. The host logs in the middle of state changes,
 * where no Lua may run: its records are queued, in order, until script code may run. Belongs to the
 * loop's thread. */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "runtime/base/log.h"

struct lua_State;
struct zl_group;
struct zl_queued_record;

/* Calls the script's handler with the record. False if it failed: the record then goes to standard
 * error. Never raises. */
typedef bool zl_record_handler(struct lua_State *L, const struct zl_record *record);

struct zl_records {
    struct zl_group *group; /* whose Lua state has the handler */
    STAILQ_HEAD(, zl_queued_record) queue;
    unsigned count;
    bool is_delivering;         /* the handler is running */
    zl_record_handler *handler; /* set by log.handler; NULL = none */
};

void zl_records_init(struct zl_records *records, struct zl_group *group);

/* The log sink (log.h) of the running generation; `arg` is its struct zl_records. Queues a copy if
 * there is a handler and the queue has room. */
bool zl_records_queue(void *arg, const struct zl_record *record);

/* Passes the queued records to the handler, in order. Called only where script code may run. */
void zl_records_deliver(struct zl_records *records);

/* Passes a record made by the script itself to the handler at once, after the queued ones. False if
 * no handler may run. */
bool zl_records_pass(struct zl_records *records, const struct zl_record *record);

/* Detaches the handler; queued records go to standard error. */
void zl_records_end(struct zl_records *records);
