/* SPDX-License-Identifier: MIT */
/* See reload.h. Only parking takes time: what comes after it happens in one go, between two
 * messages. */
#include "runtime/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/generation.h"
#include "runtime/log.h"
#include "runtime/loop.h"
#include "runtime/script.h"
#include "runtime/state.h"
#include "runtime/tenancy.h"
#include "runtime/watch.h"

/* Seconds. */
enum { PATIENCE = 1, SETTLING = 10, REMINDER = 60 };

/* --- what is due ----------------------------------------------------------------------------- */

static void wake_up(uv_timer_t *timer)
{
    (void)timer; /* zl_reload_turn looks at what is due */
}

/* libuv counts whole milliseconds on the same clock: rounded up, so that what is due is over when
 * the timer has run; it runs only once. */
static void arm(struct zl_loop *loop)
{
    uint64_t first = 0;
    for (int i = 0; i < ZL_DUE_COUNT; i++) {
        uint64_t due = loop->reload.due[i];
        if (due && (!first || due < first))
            first = due;
    }
    uv_update_time(&loop->uv);
    uint64_t due = (first + 999999) / 1000000, now = uv_now(&loop->uv);
    if (first)
        uv_timer_start(&loop->reload.timer, wake_up, due > now ? due - now : 0, 0);
    else
        uv_timer_stop(&loop->reload.timer);
}

static void set_due(struct zl_loop *loop, enum zl_due due, double seconds)
{
    loop->reload.due[due] = seconds > 0 ? zl_loop_now() + (uint64_t)(seconds * 1e9) : 0;
    arm(loop);
}

static void clear_due(struct zl_loop *loop, enum zl_due due)
{
    if (loop->reload.due[due])
        set_due(loop, due, 0);
}

static bool is_due(const struct zl_loop *loop, enum zl_due due)
{
    return loop->reload.due[due] && zl_loop_now() >= loop->reload.due[due];
}

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

static bool is_serving(const struct zl_loop *loop)
{
    return loop->generation->L && !loop->generation->failed;
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

static void report_failure(struct zl_loop *loop, enum zl_level level)
{
    char message[128];
    if (is_serving(loop))
        snprintf(message, sizeof message, "reload failed; still serving generation %d",
                 loop->reload.number);
    else
        snprintf(message, sizeof message, "reload failed; no generation is serving, messages wait");
    report_attempt(&loop->reload.attempt, level, message);
}

/* --- an attempt and its end ------------------------------------------------------------------ */

/* Nobody serves: the script is started again after a pause, if it is to be. */
static void schedule_restart(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    if (!reload->options.restart)
        return;
    double delay = zl_restart_delay(&reload->restart, zl_loop_now(), reload->handled > 0);
    reload->handled = 0;
    if (delay >= 0) {
        set_due(loop, ZL_DUE_RESTART, delay);
        return;
    }
    zl_log(ZL_ERROR, "", "the script has failed more than %d times within %d s: giving up%s",
           ZL_RESTART_MOST, ZL_RESTART_WITHIN, reload->options.watch ? " until the next save" : "");
    if (!reload->options.watch)
        zl_loop_fail(loop, loop->generation->exit_code);
}

/* What the failed generation was made from is remembered: repairing it starts the next attempt. */
static void fail_attempt(struct zl_loop *loop, struct zl_generation *failed, const char *why)
{
    struct zl_reload *reload = &loop->reload;
    snprintf(reload->attempt.error, sizeof reload->attempt.error, "%.*s", (int)strcspn(why, "\n"),
             why);
    reload->has_failed = true;
    zl_sources_fini(&reload->attempted);
    if (failed) {
        reload->attempted = failed->sources;
        failed->sources = (struct zl_sources){NULL, 0};
    }
    zl_generation_free(failed);
    clear_due(loop, ZL_DUE_WARNING);
    set_due(loop, ZL_DUE_REMINDER, REMINDER);
    report_failure(loop, ZL_ERROR);
    if (!is_serving(loop))
        schedule_restart(loop);
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

/* Whether there is something new to try. */
static bool have_files_changed(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    struct zl_sources now = {NULL, 0};
    char ignored[1];
    const struct zl_sources *before = baseline(loop);
    bool changed = zl_sources_refresh(&now, before) &&
                   zl_sources_compare(&now, before, ignored, sizeof ignored) > 0;
    if (changed && reload->has_failed && is_serving(loop) &&
        zl_sources_compare(&loop->generation->sources, &now, ignored, sizeof ignored) == 0) {
        zl_log(ZL_INFO, "", "the files are again those of generation %d, which is serving",
               reload->number);
        reload->has_failed = changed = false;
        clear_due(loop, ZL_DUE_REMINDER);
    }
    zl_sources_fini(&now);
    return changed;
}

static struct zl_generation *make_next(struct zl_loop *loop, char *why)
{
    struct zl_reload *reload = &loop->reload;
    struct zl_generation *next = zl_generation_new(loop, reload->script, reload->newest + 1, why);
    if (next)
        next->serial = ++reload->serial;
    return next;
}

static void begin_parking(struct zl_loop *loop)
{
    loop->generation->life = ZL_PARKING;
    zl_socket_hold_back(loop);
    set_due(loop, ZL_DUE_WARNING, PATIENCE);
}

static void begin_attempt(struct zl_loop *loop, const char *trigger)
{
    struct zl_reload *reload = &loop->reload;
    char why[ZL_WHY_MAX];
    if (strcmp(trigger, "watch") == 0 && !have_files_changed(loop))
        return;
    reload->attempt = (struct zl_attempt){.trigger = trigger, .number = reload->newest + 1};
    enter_stage(loop, ZL_COMPILE);
    clear_due(loop, ZL_DUE_RESTART);
    const struct zl_sources *before = &loop->generation->sources;
    struct zl_generation *next = make_next(loop, why);
    bool compiled = next && zl_script_compile(next, reload->script, before, why);
    if (next)
        zl_sources_compare(&next->sources, before, reload->attempt.files,
                           sizeof reload->attempt.files);
    if (!compiled) {
        fail_attempt(loop, next, why);
        return;
    }
    reload->next = next;
    enter_stage(loop, ZL_PARK);
    if (is_serving(loop))
        begin_parking(loop);
}

/* Puts `old` to work in the place of `next`, which has failed. */
static void roll_back(struct zl_loop *loop, struct zl_generation *old, struct zl_generation *next)
{
    char why[sizeof next->error];
    memcpy(why, next->error, sizeof why);
    zl_tenancy_undo(next);
    zl_generation_enter(old);
    zl_generation_close(next);
    zl_tenancy_restore(loop);
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
    zl_tenancy_leave(loop, generation->L ? generation : NULL);
    zl_generation_free(generation);
    set_due(loop, ZL_DUE_SETTLE, SETTLING);
}

static void succeed(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    zl_sources_fini(&reload->attempted);
    reload->has_failed = false;
    clear_due(loop, ZL_DUE_REMINDER);
    report_attempt(&reload->attempt, ZL_INFO, "reloaded");
}

/* Messages are kept while an error may bring another generation to work. */
static void update_keeping(struct zl_loop *loop)
{
    const struct zl_reload *reload = &loop->reload;
    loop->keeps = reload->options.watch || reload->options.restart || reload->fallback;
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
static void end_probation(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    struct zl_generation *old = reload->fallback;
    struct zl_attempt under_way = reload->attempt;
    reload->fallback = NULL;
    reload->attempt = reload->trial;
    update_keeping(loop);
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
    reload->number = reload->newest = next->number;
    reload->is_end_told = false;
    reload->handled = 0;
    clear_due(loop, ZL_DUE_WARNING);
    clear_due(loop, ZL_DUE_RESTART);
    bool on_probation = reload->options.probation > 0 && old->L;
    if (on_probation)
        begin_probation(loop, old);
    else
        retire(loop, old);
    TAILQ_FOREACH(socket, &loop->sockets, all)
    zl_socket_settle(socket);
    zl_socket_wake_all(loop);
    zl_sources_prune(&next->sources);
    update_keeping(loop);
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
static void switch_over(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    struct zl_generation *old = loop->generation, *next = reload->next;
    char why[ZL_WHY_MAX];
    reload->next = NULL;
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
    if (next->failed) {
        roll_back(loop, old, next);
        return;
    }
    free(reload->state);
    reload->state = NULL;
    commit(loop, old, next);
}

/* --- failing --------------------------------------------------------------------------------- */

static void set_messages_aside(struct zl_generation *generation)
{
    struct zl_task *task;
    TAILQ_FOREACH(task, &generation->tasks, all)
    zl_hand_set_aside(task, false);
}

/* The generation on probation has failed: the one before it goes on, with the message in hand. */
static void fall_back(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    struct zl_generation *old = reload->fallback, *failed = loop->generation;
    struct zl_attempt under_way = reload->attempt;
    set_messages_aside(failed);
    reload->fallback = NULL;
    reload->attempt = reload->trial;
    update_keeping(loop);
    roll_back(loop, old, failed);
    if (!reload->next)
        return;
    reload->attempt = under_way;
    begin_parking(loop);
}

/* The generation has ended with an error. Its sockets stay, and queue, when somebody will take
 * them over. */
static void bury(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    struct zl_generation *generation = loop->generation;
    char why[ZL_WHY_MAX];
    if (loop->phase == ZL_RUNNING && reload->fallback) {
        fall_back(loop);
        return;
    }
    if (loop->phase != ZL_RUNNING || !(reload->options.watch || reload->options.restart)) {
        zl_loop_fail(loop, generation->exit_code);
        return;
    }
    set_messages_aside(generation);
    if (!zl_state_take(generation, &reload->state, &reload->state_size, why))
        zl_log(ZL_WARN, "", "zeroless.state of the failed generation is lost: %s", why);
    generation->life = ZL_PARKED;
    clear_due(loop, ZL_DUE_SETTLE);
    zl_tenancy_leave(loop, generation);
    zl_generation_close(generation);
    zl_log(ZL_ERROR, "", "generation %d has failed; its sockets stay open and queue what comes: %s",
           generation->number, generation->error);
    schedule_restart(loop);
    reload->watched = 0;
}

/* --- watching ------------------------------------------------------------------------------ */

static void files_may_have_changed(void *world)
{
    zl_reload_request(world, "watch");
}

static size_t list_paths(const struct zl_sources *sources, const char **paths, size_t count)
{
    for (const struct zl_source *source = sources->first; source; source = source->next)
        paths[count++] = source->path;
    return count;
}

static size_t count_files(const struct zl_loop *loop)
{
    return loop->generation->sources.count + loop->reload.attempted.count;
}

/* The files of the serving generation, and of the last attempt: one that is repaired is seen. */
static void watch_files(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    char why[ZL_WHY_MAX] = "not enough memory";
    const char **paths = malloc((count_files(loop) + 1) * sizeof *paths);
    size_t count = paths ? list_paths(&loop->generation->sources, paths, 0) : 0;
    count = paths ? list_paths(&reload->attempted, paths, count) : 0;
    if (!paths || !zl_watch_set(reload->watch, paths, count, why))
        zl_log(ZL_WARN, "", "not every file can be watched: %s", why);
    reload->watched = count_files(loop);
    free(paths);
}

/* --- what the loop calls --------------------------------------------------------------------- */

void zl_reload_init(struct zl_loop *loop)
{
    uv_timer_init(&loop->uv, &loop->reload.timer);
}

void zl_reload_fini(struct zl_loop *loop)
{
    uv_close((uv_handle_t *)&loop->reload.timer, NULL);
    zl_watch_free(loop->reload.watch);
    zl_generation_free(loop->reload.next);
    zl_generation_free(loop->reload.fallback);
    zl_deadletter_close(&loop->reload.dead_letter);
    zl_generation_free(loop->generation);
    loop->generation = NULL;
    zl_sources_fini(&loop->reload.attempted);
    free(loop->reload.state);
}

int zl_reload_begin(struct zl_loop *loop, const struct zl_script *script,
                    const struct zl_supervision *options)
{
    char why[ZL_WHY_MAX];
    loop->reload.script = script;
    loop->reload.options = *options;
    if (!zl_script_find(script))
        return ZL_EXIT_NO_SCRIPT;
    if (options->dead_letter &&
        !zl_deadletter_open(&loop->reload.dead_letter, options->dead_letter, why)) {
        fprintf(stderr, "zlrun: %s\n", why);
        return ZL_EXIT_USAGE;
    }
    if (options->watch)
        loop->reload.watch = zl_watch_new(&loop->uv, files_may_have_changed, loop, why);
    struct zl_generation *first =
        options->watch && !loop->reload.watch ? NULL : make_next(loop, why);
    if (!first) {
        fprintf(stderr, "zlrun: %s\n", why);
        return ZL_EXIT_ERROR;
    }
    loop->reload.number = loop->reload.newest = first->number;
    update_keeping(loop);
    first->life = ZL_SERVING;
    zl_generation_enter(first);
    if (zl_script_compile(first, script, NULL, why))
        zl_script_begin(first, script);
    else
        zl_generation_failed(first, NULL, why);
    if (options->watch || options->restart)
        zl_loop_engage(loop);
    return 0;
}

void zl_reload_request(struct zl_loop *loop, const char *trigger)
{
    if (!loop->reload.wanted || strcmp(loop->reload.wanted, "watch") == 0)
        loop->reload.wanted = trigger;
}

/* The task that the attempt waits for; NULL when the generation is at rest. */
static struct zl_task *find_busy(const struct zl_loop *loop)
{
    struct zl_task *busy = zl_generation_unfinished(loop->generation);
    return busy ? busy : zl_exchange_asker(loop->generation);
}

static void go_on(struct zl_loop *loop)
{
    struct zl_task *busy = is_serving(loop) ? find_busy(loop) : NULL;
    if (busy && zl_exchange_asker(loop->generation))
        zl_generation_wake_resting(loop->generation);
    if (!busy) {
        switch_over(loop);
    } else if (is_due(loop, ZL_DUE_WARNING)) {
        char line[128];
        zl_task_line(busy, line, sizeof line);
        zl_log(ZL_WARN, line,
               "the reload waits for the task that waits here (it begins at %s): it has a message "
               "in hand, or a question without its reply",
               busy->where);
        clear_due(loop, ZL_DUE_WARNING);
    }
}

/* Whether the start of the script is over: its main task receives or has ended, and the tasks that
 * it has made had their turn. */
static bool is_settled(const struct zl_loop *loop)
{
    const struct zl_generation *generation = loop->generation;
    if (generation->failed || !TAILQ_EMPTY(&generation->ready))
        return false;
    return generation->main->status >= ZL_TASK_DONE || zl_task_is_receiving(generation->main);
}

static bool has_ended(const struct zl_loop *loop)
{
    return loop->generation->live == 0 && !zl_nested_alive(loop->generation->nested);
}

/* Whether the generation on probation has proved itself, or has ended before. */
static void judge(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    if (reload->handled >= reload->options.probation) {
        end_probation(loop);
    } else if (has_ended(loop)) {
        snprintf(loop->generation->error, sizeof loop->generation->error,
                 "the script has ended after %llu of %llu messages of its probation",
                 (unsigned long long)reload->handled,
                 (unsigned long long)reload->options.probation);
        fall_back(loop);
    }
}

static void tell_end(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    if (!reload->options.watch || reload->is_end_told || !is_serving(loop) || !has_ended(loop))
        return;
    reload->is_end_told = true;
    zl_log(ZL_INFO, "", "the script has ended; waiting for the next save (Ctrl-C leaves)");
}

void zl_reload_turn(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    if (loop->generation->failed && loop->generation->L)
        bury(loop);
    if (loop->phase != ZL_RUNNING)
        return;
    if (reload->fallback)
        judge(loop);
    if (reload->next)
        go_on(loop);
    if (reload->due[ZL_DUE_SETTLE] && (is_settled(loop) || is_due(loop, ZL_DUE_SETTLE))) {
        clear_due(loop, ZL_DUE_SETTLE);
        zl_tenancy_sweep(loop);
    }
    if (is_due(loop, ZL_DUE_RESTART)) {
        clear_due(loop, ZL_DUE_RESTART);
        zl_reload_request(loop, "restart");
    }
    if (is_due(loop, ZL_DUE_REMINDER)) {
        report_failure(loop, ZL_WARN);
        set_due(loop, ZL_DUE_REMINDER, REMINDER);
    }
    if (reload->wanted && !reload->next) {
        const char *trigger = reload->wanted;
        reload->wanted = NULL;
        begin_attempt(loop, trigger);
        if (reload->next)
            go_on(loop);
    }
    if (reload->watch && reload->watched != count_files(loop))
        watch_files(loop);
    tell_end(loop);
}

bool zl_reload_waits(const struct zl_loop *loop)
{
    return loop->reload.options.watch || loop->reload.next || loop->reload.wanted ||
           !loop->generation->L;
}

void zl_reload_stop(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    if (loop->generation->failed)
        loop->exit_code = loop->generation->exit_code;
    if (!reload->next)
        return;
    zl_generation_free(reload->next);
    reload->next = NULL;
    if (is_serving(loop))
        zl_generation_resume(loop->generation);
}
