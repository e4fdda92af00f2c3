/* SPDX-License-Identifier: MIT */
/* Records on their way to a generation's log handler. The host logs in the middle of its changes,
 * where no Lua may run: what it logs waits here, in order, until it is the script's turn. Belongs
 * to the loop's thread. */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "runtime/base/log.h"

struct lua_State;
struct zl_group;
struct zl_queued_record;

/* Calls the script's handler with the record. False when it has failed: the record is written to
 * standard error then. Never raises. */
typedef bool zl_record_handler(struct lua_State *L, const struct zl_record *record);

struct zl_records {
    struct zl_group *group; /* whose state has the handler */
    STAILQ_HEAD(, zl_queued_record) queue;
    unsigned count;
    bool is_delivering;         /* the handler runs */
    zl_record_handler *handler; /* log.handler's; NULL for none */
};

void zl_records_init(struct zl_records *records, struct zl_group *group);

/* The sink (log.h) of the generation that runs; `arg` is its struct zl_records. Takes a
 * copy while there is a handler, and few enough wait. */
bool zl_records_queue(void *arg, const struct zl_record *record);

/* Gives what waits to the handler, in order. Called where script code may run. */
void zl_records_deliver(struct zl_records *records);

/* A record that the script itself makes: given to its handler now, behind those that wait. False
 * when there is none that may run. */
bool zl_records_give(struct zl_records *records, const struct zl_record *record);

/* No handler is called any more: what waits goes to standard error. */
void zl_records_end(struct zl_records *records);
