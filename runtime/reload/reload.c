/* SPDX-License-Identifier: MIT */
/* See reload.h. Compiling and parking take time, while messages are handled: what comes after them
 * happens in one go, between two messages. */
#include "runtime/reload/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/reason.h"
#include "runtime/reload/adoption.h"
#include "runtime/reload/orphans.h"
#include "runtime/reload/parking.h"
#include "runtime/reload/restart.h"
#include "runtime/reload/state.h"
#include "runtime/script/script.h"
#include "runtime/socket/admission.h"
#include "runtime/socket/binding.h"
#include "runtime/script/ahead.h"
#include "runtime/base/timers.h"
#include "runtime/socket/bind.h"

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
static void add_time(struct report *report, const char *key,
                     const struct zl_reload_attempt *attempt, int from, int to)
{
    if (attempt->begun[from] && attempt->begun[to])
        add_number(report, key, (attempt->begun[to] - attempt->begun[from]) / 1000);
}

static void report_attempt(const struct zl_reload_attempt *attempt, enum zl_level level,
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

static void enter_stage(struct zl_serving *reload, enum zl_stage stage)
{
    reload->attempt.stage = stage;
    reload->attempt.begun[stage] = zl_clock_now();
}

void zl_reload_report_failure(struct zl_serving *reload, enum zl_level level)
{
    char message[128];
    if (zl_serving_is_alive(reload))
        snprintf(message, sizeof message, "reload failed; still serving generation %d",
                 reload->number);
    else
        snprintf(message, sizeof message, "reload failed; no generation is serving, messages wait");
    report_attempt(&reload->attempt, level, message);
    zl_deadlines_set(&reload->deadlines, ZL_DUE_REMINDER, REMINDER);
}

/* --- an attempt and its end ------------------------------------------------------------------ */

/* What the failed generation was made from is remembered: repairing it starts the next attempt. */
static void fail_attempt(struct zl_serving *reload, struct zl_generation *failed, const char *why)
{
    snprintf(reload->attempt.error, sizeof reload->attempt.error, "%.*s", (int)strcspn(why, "\n"),
             why);
    reload->has_failed = true;
    zl_sources_fini(&reload->attempted);
    if (failed)
        zl_sources_move(&reload->attempted, &failed->sources);
    zl_generation_free(failed);
    zl_parking_end(reload);
    zl_reload_report_failure(reload, ZL_ERROR);
    if (!zl_serving_is_alive(reload))
        zl_restart_schedule(reload);
    reload->watched = 0;
}

/* The files are compared with those of the last attempt, whatever became of it. */
static const struct zl_sources *baseline(struct zl_serving *reload)
{
    if (!reload->has_failed)
        return &zl_serving_generation(reload)->sources;
    zl_sources_merge(&reload->attempted, &zl_serving_generation(reload)->sources);
    return &reload->attempted;
}

/* Whether there is something new to try; the files as they are go to `now`, which is empty. */
static bool have_files_changed(struct zl_serving *reload, struct zl_sources *now)
{
    char ignored[1];
    const struct zl_sources *before = baseline(reload);
    bool changed = zl_sources_refresh(now, before) &&
                   zl_sources_compare(now, before, ignored, sizeof ignored) > 0;
    if (changed && reload->has_failed && zl_serving_is_alive(reload) &&
        zl_sources_are_in(&zl_serving_generation(reload)->sources, now)) {
        zl_log(ZL_INFO, "", "the files are again those of generation %d, which is serving",
               reload->number);
        reload->has_failed = changed = false;
        zl_deadlines_clear(&reload->deadlines, ZL_DUE_REMINDER);
    }
    return changed;
}

struct zl_generation *zl_reload_make_next(struct zl_serving *reload, char *why)
{
    struct zl_generation *next =
        zl_generation_new(reload->host, &reload->script->setup, reload->newest + 1, why);
    if (next) {
        next->group.serial = ++reload->serial;
        next->sources.keeps = reload->options.restart;
    }
    return next;
}

/* What the next generation is made from: the files as they were `read` for it just now, or as they
 * are. One that is started again after a failure is made from what had served, whatever is in the
 * files now: nobody has released that. */
static bool read_sources(struct zl_serving *reload, struct zl_generation *next,
                         struct zl_sources *read, char *why)
{
    bool is_again = strcmp(reload->attempt.trigger, "restart") == 0 && reload->has_served;
    const struct zl_sources *before = &zl_serving_generation(reload)->sources;
    snprintf(why, ZL_WHY_MAX, "not enough memory to read the files");
    if (is_again)
        return zl_sources_copy(&next->sources, before);
    if (read->count == 0 || reload->has_failed) /* then they are more than its own */
        return zl_sources_refresh(&next->sources, before);
    zl_sources_take(&next->sources, read);
    return true;
}

void zl_reload_begin(struct zl_serving *reload, const char *trigger)
{
    char why[ZL_WHY_MAX];
    struct zl_sources read = {.count = 0};
    if (strcmp(trigger, "watch") == 0 && !have_files_changed(reload, &read)) {
        zl_sources_fini(&read);
        return;
    }
    reload->attempt = (struct zl_reload_attempt){.trigger = trigger, .number = reload->newest + 1};
    enter_stage(reload, ZL_COMPILE);
    zl_deadlines_clear(&reload->deadlines, ZL_DUE_RESTART);
    struct zl_generation *next = zl_reload_make_next(reload, why);
    bool compiled = next && read_sources(reload, next, &read, why) &&
                    zl_script_compile(next, reload->script, true, why);
    zl_sources_fini(&read);
    if (next)
        zl_sources_compare(&next->sources, &zl_serving_generation(reload)->sources,
                           reload->attempt.files, sizeof reload->attempt.files);
    if (compiled)
        reload->next = next;
    else
        fail_attempt(reload, next, why);
}

bool zl_reload_is_compiling(const struct zl_serving *reload)
{
    return reload->next && reload->attempt.stage == ZL_COMPILE;
}

void zl_reload_compile(struct zl_serving *reload)
{
    struct zl_generation *next = reload->next;
    char why[ZL_WHY_MAX];
    bool is_serving = zl_serving_is_alive(reload);
    uint64_t until = is_serving ? zl_clock_now() + COMPILING : UINT64_MAX;
    switch (zl_ahead_run(next, &zl_serving_generation(reload)->sources, until, why)) {
    case ZL_AHEAD_GOES_ON:
        zl_timers_wake(reload->hub->sched.uv);
        return;
    case ZL_AHEAD_FAILED:
        reload->next = NULL;
        fail_attempt(reload, next, why);
        return;
    case ZL_AHEAD_DONE:
        enter_stage(reload, ZL_PARK);
        if (is_serving)
            zl_parking_begin(reload);
    }
}

/* Puts `old` to work in the place of `next`, which has failed. */
void zl_reload_roll_back(struct zl_serving *reload, struct zl_generation *old,
                         struct zl_generation *next)
{
    char why[sizeof next->error];
    memcpy(why, next->error, sizeof why);
    zl_adoption_undo(&next->group);
    zl_generation_enter(old);
    zl_generation_close(next);
    zl_adoption_restore(reload->hub, &old->group);
    if (old->group.L)
        zl_generation_resume(old);
    reload->number = old->number;
    zl_admission_wake_all(reload->hub);
    fail_attempt(reload, next, why);
}

/* Closes a generation for good; another one serves. */
static void retire(struct zl_serving *reload, struct zl_generation *generation)
{
    zl_generation_run_reload_callbacks(generation);
    if (generation->group.L)
        zl_records_deliver(&generation->records);
    zl_adoption_leave(reload->hub, generation->group.L ? &generation->group : NULL);
    zl_generation_free(generation);
    zl_orphans_begin(reload);
}

static void succeed(struct zl_serving *reload)
{
    zl_sources_fini(&reload->attempted);
    reload->has_failed = false;
    zl_deadlines_clear(&reload->deadlines, ZL_DUE_REMINDER);
    report_attempt(&reload->attempt, ZL_INFO, "reloaded");
}

/* The first generation that proved itself stays the one to fall back to. */
static void begin_probation(struct zl_serving *reload, struct zl_generation *old)
{
    if (reload->standby) {
        report_attempt(&reload->on_probation, ZL_INFO, "replaced while it served on probation");
        retire(reload, old);
    } else {
        reload->standby = old;
    }
    zl_log(ZL_INFO, "", "generation %d serves on probation until it has handled %llu messages",
           reload->number, (unsigned long long)reload->options.probation);
}

/* Another attempt may be under way. */
void zl_reload_end_probation(struct zl_serving *reload)
{
    struct zl_generation *old = reload->standby;
    struct zl_reload_attempt under_way = reload->attempt;
    reload->standby = NULL;
    reload->attempt = reload->on_probation;
    zl_serving_update_tracking(reload);
    retire(reload, old);
    succeed(reload);
    if (reload->next)
        reload->attempt = under_way;
}

static void commit(struct zl_serving *reload, struct zl_generation *old, struct zl_generation *next)
{
    struct zl_socket *socket;
    enter_stage(reload, ZL_COMMIT);
    next->group.life = ZL_SERVING;
    next->is_attempt = false;
    reload->number = reload->newest = next->number;
    reload->is_end_logged = false;
    reload->hub->redelivery.handled = 0;
    reload->has_served = true;
    zl_parking_end(reload);
    zl_deadlines_clear(&reload->deadlines, ZL_DUE_RESTART);
    bool on_probation = reload->options.probation > 0 && old->group.L;
    if (on_probation)
        begin_probation(reload, old);
    else
        retire(reload, old);
    TAILQ_FOREACH(socket, &reload->hub->sockets, all)
    zl_bind_yield(socket);
    TAILQ_FOREACH(socket, &reload->hub->sockets, all)
    zl_bind_yield_claimed(socket);
    TAILQ_FOREACH(socket, &reload->hub->sockets, all)
    zl_binding_apply_pending(socket);
    zl_admission_wake_all(reload->hub);
    zl_ahead_drop(next->group.L);
    zl_sources_prune(&next->sources);
    zl_serving_update_tracking(reload);
    reload->attempt.begun[ZL_PROBATION] = zl_clock_now();
    if (on_probation) {
        reload->attempt.stage = ZL_PROBATION;
        reload->on_probation = reload->attempt;
    } else {
        succeed(reload);
    }
    reload->watched = 0;
}

/* The running generation is at rest, or gone. */
void zl_reload_switch_over(struct zl_serving *reload)
{
    struct zl_generation *old = zl_serving_generation(reload), *next = reload->next;
    char why[ZL_WHY_MAX];
    reload->next = NULL;
    next->is_attempt = zl_serving_is_alive(reload);
    enter_stage(reload, ZL_STATE);
    if (old->group.L) {
        zl_generation_park(old);
        zl_admission_wake_all(reload->hub);
        if (!zl_state_take(old, &reload->state, &reload->state_size, why)) {
            zl_generation_resume(old);
            zl_admission_wake_all(reload->hub);
            fail_attempt(reload, next, why);
            return;
        }
    }
    enter_stage(reload, ZL_START);
    zl_generation_enter(next);
    if (!zl_state_give(next, reload->state, reload->state_size, why))
        zl_generation_failed(next, NULL, why);
    else
        zl_script_begin(next, reload->script);
    if (!next->group.failed)
        zl_task_run_first(next->main);
    zl_finder_fini(&reload->finder);
    if (next->group.failed) {
        zl_reload_roll_back(reload, old, next);
        return;
    }
    free(reload->state);
    reload->state = NULL;
    commit(reload, old, next);
}
