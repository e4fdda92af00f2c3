/* SPDX-License-Identifier: MIT */
/* See attempt.h. Compiling and parking take time, while messages are handled: what comes after them
 * happens in one go, between two messages. */
#include "runtime/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/ahead.h"
#include "runtime/log.h"
#include "runtime/loop.h"
#include "runtime/orphan.h"
#include "runtime/script.h"
#include "runtime/state.h"
#include "runtime/tenancy.h"

/* Seconds; nanoseconds for which messages wait at a time. */
enum { REMINDER = 60, COMPILING = 2000000 };

/* --- the line of an attempt ------------------------------------------------------------------ */

enum { FIELDS = 12 };

struct report {
    struct zl_field fields[FIELDS];
    char numbers[FIELDS][24];
    int count;
};

static void add_text(struct report *report, const char *key, const char *text)
{
    if (*text)
        report->fields[report->count++] = (struct zl_field){key, text, strlen(text), false};
}

static void add_number(struct report *report, const char *key, uint64_t number)
{
    char *text = report->numbers[report->count];
    snprintf(text, sizeof report->numbers[0], "%llu", (unsigned long long)number);
    report->fields[report->count++] = (struct zl_field){key, text, strlen(text), true};
}

/* The time that a stage has taken, where it was reached. */
static void add_time(struct report *report, const char *key, const struct zl_attempt *attempt,
                     int from, int to)
{
    if (attempt->begun[from] && attempt->begun[to])
        add_number(report, key, (attempt->begun[to] - attempt->begun[from]) / 1000);
}

static void report_attempt(const struct zl_attempt *attempt, enum zl_level level,
                           const char *message)
{
    static const char *const stages[] = {"compile", "park",   "state",
                                         "start",   "commit", "probation"};
    struct report report = {.count = 0};
    add_number(&report, "generation", (uint64_t)attempt->number);
    add_text(&report, "trigger", attempt->trigger);
    add_text(&report, "files", attempt->files);
    add_text(&report, "stage", stages[attempt->stage]);
    add_text(&report, "error", attempt->error);
    add_time(&report, "compile_us", attempt, ZL_COMPILE, ZL_PARK);
    add_time(&report, "park_us", attempt, ZL_PARK, ZL_STATE);
    add_time(&report, "start_us", attempt, ZL_STATE, ZL_COMMIT);
    add_time(&report, "commit_us", attempt, ZL_COMMIT, ZL_PROBATION);
    struct zl_record record = {.level = level,
                               .message = message,
                               .size = strlen(message),
                               .source = "",
                               .fields = report.fields,
                               .count = report.count};
    zl_log_emit(&record);
}

static void enter_stage(struct zl_loop *loop, enum zl_stage stage)
{
    loop->reload.attempt.stage = stage;
    loop->reload.attempt.begun[stage] = zl_loop_now();
}

void zl_attempt_report_failure(struct zl_loop *loop, enum zl_level level)
{
    char message[128];
    if (zl_reload_is_serving(loop))
        snprintf(message, sizeof message, "reload failed; still serving generation %d",
                 loop->reload.number);
    else
        snprintf(message, sizeof message, "reload failed; no generation is serving, messages wait");
    report_attempt(&loop->reload.attempt, level, message);
    zl_agenda_set(&loop->reload.agenda, ZL_DUE_REMINDER, REMINDER);
}

/* --- an attempt and its end ------------------------------------------------------------------ */

/* What the failed generation was made from is remembered: repairing it starts the next attempt. */
static void fail_attempt(struct zl_loop *loop, struct zl_generation *failed, const char *why)
{
    struct zl_reload *reload = &loop->reload;
    snprintf(reload->attempt.error, sizeof reload->attempt.error, "%.*s", (int)strcspn(why, "\n"),
             why);
    reload->has_failed = true;
    zl_sources_fini(&reload->attempted);
    if (failed)
        zl_sources_move(&reload->attempted, &failed->sources);
    zl_generation_free(failed);
    zl_parking_end(loop);
    zl_attempt_report_failure(loop, ZL_ERROR);
    if (!zl_reload_is_serving(loop))
        zl_reload_schedule_restart(loop);
    reload->watched = 0;
}

/* The files are compared with those of the last attempt, whatever became of it. */
static const struct zl_sources *baseline(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    if (!reload->has_failed)
        return &loop->generation->sources;
    zl_sources_merge(&reload->attempted, &loop->generation->sources);
    return &reload->attempted;
}

/* Whether there is something new to try; the files as they are go to `now`, which is empty. */
static bool have_files_changed(struct zl_loop *loop, struct zl_sources *now)
{
    struct zl_reload *reload = &loop->reload;
    char ignored[1];
    const struct zl_sources *before = baseline(loop);
    bool changed = zl_sources_refresh(now, before) &&
                   zl_sources_compare(now, before, ignored, sizeof ignored) > 0;
    if (changed && reload->has_failed && zl_reload_is_serving(loop) &&
        zl_sources_are_in(&loop->generation->sources, now)) {
        zl_log(ZL_INFO, "", "the files are again those of generation %d, which is serving",
               reload->number);
        reload->has_failed = changed = false;
        zl_agenda_clear(&loop->reload.agenda, ZL_DUE_REMINDER);
    }
    return changed;
}

struct zl_generation *zl_attempt_make_next(struct zl_loop *loop, char *why)
{
    struct zl_reload *reload = &loop->reload;
    struct zl_generation *next = zl_generation_new(loop, reload->script, reload->newest + 1, why);
    if (next) {
        next->serial = ++reload->serial;
        next->sources.keeps = reload->options.restart;
    }
    return next;
}

/* What the next generation is made from: the files as they were `read` for it just now, or as they
 * are. One that is started again after a failure is made from what had served, whatever is in the
 * files now: nobody has released that. */
static bool read_sources(struct zl_loop *loop, struct zl_generation *next, struct zl_sources *read,
                         char *why)
{
    bool is_again = strcmp(loop->reload.attempt.trigger, "restart") == 0 && loop->reload.has_served;
    const struct zl_sources *before = &loop->generation->sources;
    snprintf(why, ZL_WHY_MAX, "not enough memory to read the files");
    if (is_again)
        return zl_sources_copy(&next->sources, before);
    if (read->count == 0 || loop->reload.has_failed) /* then they are more than its own */
        return zl_sources_refresh(&next->sources, before);
    zl_sources_take(&next->sources, read);
    return true;
}

void zl_attempt_begin(struct zl_loop *loop, const char *trigger)
{
    struct zl_reload *reload = &loop->reload;
    char why[ZL_WHY_MAX];
    struct zl_sources read = {.count = 0};
    if (strcmp(trigger, "watch") == 0 && !have_files_changed(loop, &read)) {
        zl_sources_fini(&read);
        return;
    }
    reload->attempt = (struct zl_attempt){.trigger = trigger, .number = reload->newest + 1};
    enter_stage(loop, ZL_COMPILE);
    zl_agenda_clear(&loop->reload.agenda, ZL_DUE_RESTART);
    struct zl_generation *next = zl_attempt_make_next(loop, why);
    bool compiled = next && read_sources(loop, next, &read, why) &&
                    zl_script_compile(next, reload->script, true, why);
    zl_sources_fini(&read);
    if (next)
        zl_sources_compare(&next->sources, &loop->generation->sources, reload->attempt.files,
                           sizeof reload->attempt.files);
    if (compiled)
        reload->next = next;
    else
        fail_attempt(loop, next, why);
}

bool zl_attempt_is_compiling(const struct zl_loop *loop)
{
    return loop->reload.next && loop->reload.attempt.stage == ZL_COMPILE;
}

void zl_attempt_compile(struct zl_loop *loop)
{
    struct zl_generation *next = loop->reload.next;
    char why[ZL_WHY_MAX];
    bool is_serving = zl_reload_is_serving(loop);
    uint64_t until = is_serving ? zl_loop_now() + COMPILING : UINT64_MAX;
    switch (zl_ahead_run(next, &loop->generation->sources, until, why)) {
    case ZL_AHEAD_GOES_ON:
        zl_loop_interrupt(loop);
        return;
    case ZL_AHEAD_FAILED:
        loop->reload.next = NULL;
        fail_attempt(loop, next, why);
        return;
    case ZL_AHEAD_DONE:
        enter_stage(loop, ZL_PARK);
        if (is_serving)
            zl_parking_begin(loop);
    }
}

/* Puts `old` to work in the place of `next`, which has failed. */
void zl_attempt_roll_back(struct zl_loop *loop, struct zl_generation *old,
                          struct zl_generation *next)
{
    char why[sizeof next->error];
    memcpy(why, next->error, sizeof why);
    zl_tenancy_undo(next);
    zl_generation_enter(old);
    zl_generation_close(next);
    zl_tenancy_restore(loop, old);
    if (old->L)
        zl_generation_resume(old);
    loop->reload.number = old->number;
    zl_socket_wake_all(loop);
    fail_attempt(loop, next, why);
}

/* Closes a generation for good; another one serves. */
static void retire(struct zl_loop *loop, struct zl_generation *generation)
{
    zl_generation_run_reload_callbacks(generation);
    if (generation->L)
        zl_records_deliver(generation);
    zl_tenancy_leave(loop, generation->L ? generation : NULL);
    zl_generation_free(generation);
    zl_orphans_begin(loop);
}

static void succeed(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    zl_sources_fini(&reload->attempted);
    reload->has_failed = false;
    zl_agenda_clear(&loop->reload.agenda, ZL_DUE_REMINDER);
    report_attempt(&reload->attempt, ZL_INFO, "reloaded");
}

/* The first generation that proved itself stays the one to fall back to. */
static void begin_probation(struct zl_loop *loop, struct zl_generation *old)
{
    struct zl_reload *reload = &loop->reload;
    if (reload->fallback) {
        report_attempt(&reload->trial, ZL_INFO, "replaced while it served on probation");
        retire(loop, old);
    } else {
        reload->fallback = old;
    }
    zl_log(ZL_INFO, "", "generation %d serves on probation until it has handled %llu messages",
           reload->number, (unsigned long long)reload->options.probation);
}

/* Another attempt may be under way. */
void zl_attempt_end_probation(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    struct zl_generation *old = reload->fallback;
    struct zl_attempt under_way = reload->attempt;
    reload->fallback = NULL;
    reload->attempt = reload->trial;
    zl_reload_update_keeping(loop);
    retire(loop, old);
    succeed(loop);
    if (reload->next)
        reload->attempt = under_way;
}

static void commit(struct zl_loop *loop, struct zl_generation *old, struct zl_generation *next)
{
    struct zl_reload *reload = &loop->reload;
    struct zl_socket *socket;
    enter_stage(loop, ZL_COMMIT);
    next->life = ZL_SERVING;
    next->is_attempt = false;
    reload->number = reload->newest = next->number;
    reload->is_end_told = false;
    reload->handled = 0;
    reload->has_served = true;
    zl_parking_end(loop);
    zl_agenda_clear(&loop->reload.agenda, ZL_DUE_RESTART);
    bool on_probation = reload->options.probation > 0 && old->L;
    if (on_probation)
        begin_probation(loop, old);
    else
        retire(loop, old);
    TAILQ_FOREACH(socket, &loop->sockets, all)
    zl_socket_yield(socket);
    TAILQ_FOREACH(socket, &loop->sockets, all)
    zl_socket_yield_claimed(socket);
    TAILQ_FOREACH(socket, &loop->sockets, all)
    zl_socket_settle(socket);
    zl_socket_wake_all(loop);
    zl_ahead_drop(next->L);
    zl_sources_prune(&next->sources);
    zl_reload_update_keeping(loop);
    reload->attempt.begun[ZL_PROBATION] = zl_loop_now();
    if (on_probation) {
        reload->attempt.stage = ZL_PROBATION;
        reload->trial = reload->attempt;
    } else {
        succeed(loop);
    }
    reload->watched = 0;
}

/* The running generation is at rest, or gone. */
void zl_attempt_switch_over(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    struct zl_generation *old = loop->generation, *next = reload->next;
    char why[ZL_WHY_MAX];
    reload->next = NULL;
    next->is_attempt = zl_reload_is_serving(loop);
    enter_stage(loop, ZL_STATE);
    if (old->L) {
        zl_generation_park(old);
        if (!zl_state_take(old, &reload->state, &reload->state_size, why)) {
            zl_generation_resume(old);
            zl_socket_wake_all(loop);
            fail_attempt(loop, next, why);
            return;
        }
    }
    enter_stage(loop, ZL_START);
    zl_generation_enter(next);
    if (!zl_state_give(next, reload->state, reload->state_size, why))
        zl_generation_failed(next, NULL, why);
    else
        zl_script_begin(next, reload->script);
    if (!next->failed)
        zl_task_run_first(next->main);
    zl_finder_fini(&reload->finder);
    if (next->failed) {
        zl_attempt_roll_back(loop, old, next);
        return;
    }
    free(reload->state);
    reload->state = NULL;
    commit(loop, old, next);
}
