/* SPDX-License-Identifier: MIT */
/* See supervisor.h. What becomes of the serving generation: it is replaced, fails, falls back,
 * ends. */
#include "runtime/reload/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/exit.h"
#include "runtime/base/log.h"
#include "runtime/base/output.h"
#include "runtime/base/reason.h"
#include "runtime/base/timers.h"
#include "runtime/reload/adoption.h"
#include "runtime/reload/orphans.h"
#include "runtime/reload/parking.h"
#include "runtime/reload/reload.h"
#include "runtime/reload/restart.h"
#include "runtime/reload/state.h"
#include "runtime/reload/watch.h"
#include "runtime/script/script.h"
#include "runtime/socket/delivery.h"

/* --- failing --------------------------------------------------------------------------------- */

static void set_messages_aside(struct zl_generation *generation)
{
    struct zl_task *task;
    TAILQ_FOREACH(task, &generation->group.tasks, all)
    zl_delivery_reject(task, false);
}

/* The old code may not be able to read what the new code has written, and the way back has to work:
 * zeroless.state is again what the old generation has left. What that discards is said. */
static void tell_state(const struct zl_serving *reload, struct zl_generation *old,
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
               old->number, failed->number, (unsigned long long)reload->hub->redelivery.handled);
    free(before);
    free(after);
}

void zl_supervisor_set_aside(struct zl_serving *reload)
{
    set_messages_aside(zl_serving_generation(reload));
}

/* The generation on probation has failed: the one before it goes on, with the message in hand. */
static void fall_back(struct zl_serving *reload)
{
    struct zl_generation *old = reload->standby, *failed = zl_serving_generation(reload);
    struct zl_reload_attempt under_way = reload->attempt;
    set_messages_aside(failed);
    tell_state(reload, old, failed);
    reload->standby = NULL;
    reload->attempt = reload->on_probation;
    zl_serving_update_tracking(reload);
    zl_reload_roll_back(reload, old, failed);
    if (!reload->next)
        return;
    reload->attempt = under_way;
    if (!zl_reload_is_compiling(reload))
        zl_parking_begin(reload);
}

/* The generation has ended with an error. Its sockets stay, and queue, when somebody will take
 * them over. */
static void handle_failure(struct zl_serving *reload)
{
    struct zl_generation *generation = zl_serving_generation(reload);
    char why[ZL_WHY_MAX];
    if (reload->hub->sched.phase == ZL_RUNNING && reload->standby) {
        fall_back(reload);
        return;
    }
    if (reload->hub->sched.phase != ZL_RUNNING ||
        !(reload->options.watch || reload->options.restart)) {
        set_messages_aside(generation);
        reload->is_over = true;
        reload->exit_code = generation->exit_code;
        return;
    }
    set_messages_aside(generation);
    if (!zl_state_take(generation, &reload->state, &reload->state_size, why))
        zl_log(ZL_WARN, "", "zeroless.state of the failed generation is lost: %s", why);
    generation->group.life = ZL_PARKED;
    zl_deadlines_clear(&reload->deadlines, ZL_DUE_SETTLE);
    zl_adoption_leave(reload->hub, &generation->group);
    zl_generation_close(generation);
    zl_log(ZL_ERROR, "", "generation %d has failed; its sockets stay open and queue what comes: %s",
           generation->number, generation->error);
    zl_restart_schedule(reload);
    reload->watched = 0;
}

/* --- watching ------------------------------------------------------------------------------ */

static void files_may_have_changed(void *arg)
{
    zl_supervisor_request(arg, "watch");
}

static size_t list_paths(const struct zl_sources *sources, const char **paths, size_t count)
{
    for (const struct zl_source *source = sources->first; source; source = source->next)
        if (source->is_used)
            paths[count++] = source->path;
    return count;
}

static size_t count_files(const struct zl_serving *reload)
{
    return zl_serving_generation(reload)->sources.used + reload->attempted.used;
}

/* The files of the serving generation, and of the last attempt: one that is repaired is seen. */
static void watch_files(struct zl_serving *reload)
{
    char why[ZL_WHY_MAX] = "not enough memory";
    const char **paths = malloc((count_files(reload) + 1) * sizeof *paths);
    size_t count = paths ? list_paths(&zl_serving_generation(reload)->sources, paths, 0) : 0;
    count = paths ? list_paths(&reload->attempted, paths, count) : 0;
    if (!paths || !zl_watch_set(reload->watch, paths, count, why))
        zl_log(ZL_WARN, "", "not every file can be watched: %s", why);
    reload->watched = count_files(reload);
    free(paths);
}

/* --- what the loop calls --------------------------------------------------------------------- */

void zl_supervisor_init(struct zl_serving *reload, struct zl_hub *hub, struct zl_host *host)
{
    reload->hub = reload->finder.hub = hub;
    reload->host = host;
    zl_deadlines_init(&reload->deadlines, hub->sched.uv);
}

void zl_supervisor_fini(struct zl_serving *reload)
{
    zl_deadlines_fini(&reload->deadlines);
    zl_watch_free(reload->watch);
    zl_generation_free(reload->next);
    zl_generation_free(reload->standby);
    if (reload->hub->sched.group)
        zl_generation_free(zl_serving_generation(reload));
    reload->hub->sched.group = NULL;
    zl_sources_fini(&reload->attempted);
    free(reload->state);
}

int zl_supervisor_begin(struct zl_serving *reload, const struct zl_script *script,
                        const struct zl_supervision *options)
{
    char why[ZL_WHY_MAX];
    reload->script = script;
    reload->begun = zl_clock_now();
    reload->options = *options;
    reload->hub->redelivery.most = options->redeliver;
    reload->hub->redelivery.keeps_dead = options->dead_letter != NULL;
    if (!zl_script_find(script))
        return ZL_EXIT_NO_SCRIPT;
    if (options->dead_letter &&
        !zl_deadletter_open(&reload->hub->redelivery.dead_letter, options->dead_letter, why)) {
        zl_output_print("zlrun: %s\n", why);
        return ZL_EXIT_USAGE;
    }
    if (options->watch)
        reload->watch = zl_watch_new(reload->hub->sched.uv, files_may_have_changed, reload, why);
    struct zl_generation *first =
        options->watch && !reload->watch ? NULL : zl_reload_make_next(reload, why);
    if (!first) {
        zl_output_print("zlrun: %s\n", why);
        return ZL_EXIT_ERROR;
    }
    reload->number = reload->newest = first->number;
    zl_serving_update_tracking(reload);
    first->sources.keeps = options->restart;
    first->group.life = ZL_SERVING;
    zl_generation_enter(first);
    if (zl_script_compile(first, script, false, why))
        zl_script_begin(first, script);
    else
        zl_generation_failed(first, NULL, why);
    return 0;
}

void zl_supervisor_request(struct zl_serving *reload, const char *trigger)
{
    if (!reload->wanted || strcmp(reload->wanted, "watch") == 0)
        reload->wanted = trigger;
    zl_timers_wake(reload->hub->sched.uv);
}

static void go_on(struct zl_serving *reload)
{
    if (zl_reload_is_compiling(reload))
        zl_reload_compile(reload);
    if (reload->next && !zl_reload_is_compiling(reload) && zl_parking_is_over(reload))
        zl_reload_switch_over(reload);
}

/* Whether the generation on probation has proved itself, or has ended before. */
static void judge(struct zl_serving *reload)
{
    if (reload->hub->redelivery.handled >= reload->options.probation) {
        zl_reload_end_probation(reload);
    } else if (!zl_generation_lives(zl_serving_generation(reload))) {
        snprintf(zl_serving_generation(reload)->error, sizeof zl_serving_generation(reload)->error,
                 "the script has ended after %llu of %llu messages of its probation",
                 (unsigned long long)reload->hub->redelivery.handled,
                 (unsigned long long)reload->options.probation);
        fall_back(reload);
    }
}

static void tell_end(struct zl_serving *reload)
{
    if (!reload->options.watch || reload->is_end_logged || !zl_serving_is_alive(reload) ||
        zl_generation_lives(zl_serving_generation(reload)))
        return;
    reload->is_end_logged = true;
    zl_log(ZL_INFO, "", "the script has ended; waiting for the next save (Ctrl-C leaves)");
}

void zl_supervisor_turn(struct zl_serving *reload)
{
    if (reload->hub->sched.group->failed && reload->hub->sched.group->L)
        handle_failure(reload);
    if (reload->hub->sched.phase != ZL_RUNNING || reload->is_over)
        return;
    reload->has_served |= zl_serving_is_alive(reload);
    if (reload->standby)
        judge(reload);
    if (reload->next)
        go_on(reload);
    zl_orphans_turn(reload);
    if (zl_deadlines_is_due(&reload->deadlines, ZL_DUE_RESTART)) {
        zl_deadlines_clear(&reload->deadlines, ZL_DUE_RESTART);
        zl_supervisor_request(reload, "restart");
    }
    if (zl_deadlines_is_due(&reload->deadlines, ZL_DUE_REMINDER))
        zl_reload_report_failure(reload, ZL_WARN);
    if (reload->wanted && !reload->next) {
        const char *trigger = reload->wanted;
        reload->wanted = NULL;
        zl_reload_begin(reload, trigger);
        if (reload->next)
            go_on(reload);
    }
    if (reload->watch && reload->watched != count_files(reload))
        watch_files(reload);
    tell_end(reload);
}

bool zl_supervisor_waits(const struct zl_serving *reload)
{
    return reload->options.watch || reload->next || reload->wanted ||
           !reload->hub->sched.group->L || zl_orphans_wait(reload);
}

int zl_supervisor_stop(struct zl_serving *reload, int code)
{
    const struct zl_generation *generation = zl_serving_generation(reload);
    if (generation->group.failed)
        code = generation->exit_code;
    if (!reload->next)
        return code;
    zl_parking_end(reload);
    zl_generation_free(reload->next);
    reload->next = NULL;
    if (zl_serving_is_alive(reload))
        zl_generation_resume(zl_serving_generation(reload));
    return code;
}
