/* SPDX-License-Identifier: MIT */
/* See reload.h. What becomes of the serving generation: it is replaced, fails, falls back, ends. */
#include "runtime/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/generation.h"
#include "runtime/log.h"
#include "runtime/loop.h"
#include "runtime/output.h"
#include "runtime/orphan.h"
#include "runtime/script.h"
#include "runtime/state.h"
#include "runtime/tenancy.h"
#include "runtime/watch.h"

bool zl_reload_is_serving(const struct zl_loop *loop)
{
    return loop->generation->L && !loop->generation->failed;
}

/* Messages are kept while an error may bring another generation to work. */
void zl_reload_update_keeping(struct zl_loop *loop)
{
    const struct zl_reload *reload = &loop->reload;
    loop->keeps = reload->options.watch || reload->options.restart || reload->fallback;
}

/* --- failing --------------------------------------------------------------------------------- */

/* What there was since the last failure: a message that was handled, or given up, is behind us. */
static enum zl_progress take_progress(struct zl_reload *reload)
{
    bool is_over = reload->handled + reload->given_up > 0, is_try = reload->tries_used > 0;
    reload->handled = reload->given_up = reload->tries_used = 0;
    return is_over ? ZL_PROGRESS : is_try ? ZL_TRY_USED : ZL_NO_PROGRESS;
}

/* Nobody serves: the script is started again after a pause, if it is to be. */
void zl_reload_schedule_restart(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    if (!reload->options.restart)
        return;
    double delay = zl_restart_delay(&reload->restart, zl_loop_now(), take_progress(reload));
    if (delay >= 0) {
        zl_agenda_set(&loop->reload.agenda, ZL_DUE_RESTART, delay);
        return;
    }
    zl_log(ZL_ERROR, "", "the script has failed more than %d times within %d s: giving up%s",
           ZL_RESTART_MOST, ZL_RESTART_WITHIN, reload->options.watch ? " until the next save" : "");
    if (!reload->options.watch)
        zl_loop_fail(loop, loop->generation->exit_code);
}

static void set_messages_aside(struct zl_generation *generation)
{
    struct zl_task *task;
    TAILQ_FOREACH(task, &generation->tasks, all)
    zl_hand_set_aside(task, false);
}

/* The old code may not be able to read what the new code has written, and the way back has to work:
 * zeroless.state is again what the old generation has left. What that discards is said. */
static void tell_state(const struct zl_loop *loop, struct zl_generation *old,
                       struct zl_generation *failed)
{
    char *before = NULL, *after = NULL, why[ZL_WHY_MAX];
    size_t before_size = 0, after_size = 0;
    bool is_known = zl_state_take(old, &before, &before_size, why) &&
                    zl_state_take(failed, &after, &after_size, why);
    bool is_same = is_known && before_size == after_size &&
                   (!before || memcmp(before, after, after_size) == 0);
    if (!is_same)
        zl_log(ZL_WARN, "",
               "zeroless.state goes back to that of generation %d: what generation %d has changed "
               "in it since its start, over %llu messages, is discarded",
               old->number, failed->number, (unsigned long long)loop->reload.handled);
    free(before);
    free(after);
}

void zl_reload_set_aside(struct zl_loop *loop)
{
    set_messages_aside(loop->generation);
}

/* The generation on probation has failed: the one before it goes on, with the message in hand. */
static void fall_back(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    struct zl_generation *old = reload->fallback, *failed = loop->generation;
    struct zl_attempt under_way = reload->attempt;
    set_messages_aside(failed);
    tell_state(loop, old, failed);
    reload->fallback = NULL;
    reload->attempt = reload->trial;
    zl_reload_update_keeping(loop);
    zl_attempt_roll_back(loop, old, failed);
    if (!reload->next)
        return;
    reload->attempt = under_way;
    if (!zl_attempt_is_compiling(loop))
        zl_parking_begin(loop);
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
        set_messages_aside(generation);
        zl_loop_fail(loop, generation->exit_code);
        return;
    }
    set_messages_aside(generation);
    if (!zl_state_take(generation, &reload->state, &reload->state_size, why))
        zl_log(ZL_WARN, "", "zeroless.state of the failed generation is lost: %s", why);
    generation->life = ZL_PARKED;
    zl_agenda_clear(&loop->reload.agenda, ZL_DUE_SETTLE);
    zl_tenancy_leave(loop, generation);
    zl_generation_close(generation);
    zl_log(ZL_ERROR, "", "generation %d has failed; its sockets stay open and queue what comes: %s",
           generation->number, generation->error);
    zl_reload_schedule_restart(loop);
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
        if (source->is_used)
            paths[count++] = source->path;
    return count;
}

static size_t count_files(const struct zl_loop *loop)
{
    return loop->generation->sources.used + loop->reload.attempted.used;
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
    zl_agenda_init(&loop->reload.agenda, &loop->uv);
    zl_deadletter_init(&loop->reload.dead_letter);
}

void zl_reload_fini(struct zl_loop *loop)
{
    zl_agenda_fini(&loop->reload.agenda);
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
    loop->reload.begun = zl_loop_now();
    loop->reload.options = *options;
    if (!zl_script_find(script))
        return ZL_EXIT_NO_SCRIPT;
    if (options->dead_letter &&
        !zl_deadletter_open(&loop->reload.dead_letter, options->dead_letter, why)) {
        zl_output_print("zlrun: %s\n", why);
        return ZL_EXIT_USAGE;
    }
    if (options->watch)
        loop->reload.watch = zl_watch_new(&loop->uv, files_may_have_changed, loop, why);
    struct zl_generation *first =
        options->watch && !loop->reload.watch ? NULL : zl_attempt_make_next(loop, why);
    if (!first) {
        zl_output_print("zlrun: %s\n", why);
        return ZL_EXIT_ERROR;
    }
    loop->reload.number = loop->reload.newest = first->number;
    zl_reload_update_keeping(loop);
    first->sources.keeps = options->restart;
    first->life = ZL_SERVING;
    zl_generation_enter(first);
    if (options->watch || options->restart)
        zl_loop_engage(loop);
    if (zl_script_compile(first, script, false, why))
        zl_script_begin(first, script);
    else
        zl_generation_failed(first, NULL, why);
    return 0;
}

void zl_reload_request(struct zl_loop *loop, const char *trigger)
{
    if (!loop->reload.wanted || strcmp(loop->reload.wanted, "watch") == 0)
        loop->reload.wanted = trigger;
    zl_loop_interrupt(loop);
}

static void go_on(struct zl_loop *loop)
{
    if (zl_attempt_is_compiling(loop))
        zl_attempt_compile(loop);
    if (loop->reload.next && !zl_attempt_is_compiling(loop) && zl_parking_is_over(loop))
        zl_attempt_switch_over(loop);
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
        zl_attempt_end_probation(loop);
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
    if (!reload->options.watch || reload->is_end_told || !zl_reload_is_serving(loop) ||
        !has_ended(loop))
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
    reload->has_served |= zl_reload_is_serving(loop);
    if (reload->fallback)
        judge(loop);
    if (reload->next)
        go_on(loop);
    zl_orphans_turn(loop);
    if (zl_agenda_is_due(&loop->reload.agenda, ZL_DUE_RESTART)) {
        zl_agenda_clear(&loop->reload.agenda, ZL_DUE_RESTART);
        zl_reload_request(loop, "restart");
    }
    if (zl_agenda_is_due(&loop->reload.agenda, ZL_DUE_REMINDER))
        zl_attempt_report_failure(loop, ZL_WARN);
    if (reload->wanted && !reload->next) {
        const char *trigger = reload->wanted;
        reload->wanted = NULL;
        zl_attempt_begin(loop, trigger);
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
           !loop->generation->L || zl_orphans_wait(loop);
}

void zl_reload_stop(struct zl_loop *loop)
{
    struct zl_reload *reload = &loop->reload;
    if (loop->generation->failed)
        loop->exit_code = loop->generation->exit_code;
    if (!reload->next)
        return;
    zl_parking_end(loop);
    zl_generation_free(reload->next);
    reload->next = NULL;
    if (zl_reload_is_serving(loop))
        zl_generation_resume(loop->generation);
}
