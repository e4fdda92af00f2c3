/* SPDX-License-Identifier: MIT */
/* See watch.h. What happens on the way to a file (watch_dirs.h) starts a timer; when it has run,
 * the ways are walked anew before the caller is told, so that nothing can change unseen between. */
#include "runtime/reload/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/reason.h"
#include "runtime/reload/watch_dirs.h"

enum { QUIET_MS = 30, LATEST_MS = 200, RETRY_MS = 1000 };

struct zl_watch {
    uv_timer_t timer; /* for the call that is due, or for the next try */
    struct zl_watch_dirs folders;
    zl_watch_changed *changed;
    void *arg;
    char **paths; /* absolute, sorted, each once */
    size_t count;
    bool incomplete; /* not all could be watched */
    bool pending;    /* a call of `changed` is due */
    uint64_t first;  /* since when, uv_now's clock */
};

static void on_time(uv_timer_t *timer);

static void schedule(struct zl_watch *watch)
{
    uint64_t now = uv_now(watch->timer.loop), latest = watch->first + LATEST_MS;
    if (watch->pending && now + QUIET_MS <= latest)
        uv_timer_start(&watch->timer, on_time, QUIET_MS, 0);
    else if (watch->pending)
        uv_timer_start(&watch->timer, on_time, now < latest ? latest - now : 0, 0);
    else if (watch->incomplete)
        uv_timer_start(&watch->timer, on_time, RETRY_MS, 0);
    else
        uv_timer_stop(&watch->timer);
}

static void touch(void *arg)
{
    struct zl_watch *watch = arg;
    if (!watch->pending)
        watch->first = uv_now(watch->timer.loop);
    watch->pending = true;
    schedule(watch);
}

/* Whether something is watched now that was not before. */
static bool walk(struct zl_watch *watch, char *why)
{
    bool grown;
    watch->incomplete =
        !zl_watch_dirs_walk(&watch->folders, watch->paths, watch->count, &grown, why);
    return grown;
}

/* Quiet has come, or it is time to try again. What happened in a folder that is new to us could
 * not be seen, so quiet begins once more. */
static void on_time(uv_timer_t *timer)
{
    struct zl_watch *watch = timer->data;
    bool late = watch->pending && uv_now(timer->loop) >= watch->first + LATEST_MS;
    if (walk(watch, NULL) && !late) {
        touch(watch);
        return;
    }
    bool due = watch->pending;
    watch->pending = false;
    schedule(watch);
    if (due)
        watch->changed(watch->arg);
}

/* `base`: the current directory, found out when it is first needed. */
static char *absolute(const char *path, char *base)
{
    char *joined = NULL;
    if (path[0] == '/')
        return strdup(path);
    if ((!*base && !getcwd(base, PATH_MAX)) || asprintf(&joined, "%s/%s", base, path) < 0)
        return NULL;
    return joined;
}

static int by_text(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static void sort_each_once(char **paths, size_t *count)
{
    size_t kept = 0;
    qsort(paths, *count, sizeof *paths, by_text);
    for (size_t i = 0; i < *count; i++) {
        if (kept && strcmp(paths[kept - 1], paths[i]) == 0)
            free(paths[i]);
        else
            paths[kept++] = paths[i];
    }
    *count = kept;
}

static void free_paths(char **paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
}

static char **copy_paths(const char *const *paths, size_t *count, char *why)
{
    size_t done = 0;
    char base[PATH_MAX] = "";
    char **copies = calloc(*count + 1, sizeof *copies);
    if (!copies) {
        snprintf(why, ZL_WHY_MAX, "cannot watch files: %s", strerror(ENOMEM));
        return NULL;
    }
    while (done < *count && (copies[done] = absolute(paths[done], base)))
        done++;
    if (done < *count) {
        snprintf(why, ZL_WHY_MAX, "cannot watch %.500s: %s", paths[done], strerror(errno));
        free_paths(copies, done);
        return NULL;
    }
    sort_each_once(copies, count);
    return copies;
}

static bool is_same(const struct zl_watch *watch, char *const *paths, size_t count)
{
    bool same = watch->count == count;
    for (size_t i = 0; same && i < count; i++)
        same = strcmp(watch->paths[i], paths[i]) == 0;
    return same;
}

bool zl_watch_set(struct zl_watch *watch, const char *const *paths, size_t count, char *why)
{
    char **copies = copy_paths(paths, &count, why);
    if (!copies)
        return false;
    bool same = is_same(watch, copies, count);
    free_paths(watch->paths, watch->count);
    watch->paths = copies;
    watch->count = count;
    if (same && !watch->incomplete)
        return true;
    uv_update_time(watch->timer.loop);
    if (walk(watch, why) || !same)
        touch(watch);
    else
        schedule(watch);
    return !watch->incomplete;
}

struct zl_watch *zl_watch_new(uv_loop_t *uv, zl_watch_changed *changed, void *arg, char *why)
{
    struct zl_watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        snprintf(why, ZL_WHY_MAX, "cannot watch files: %s", strerror(ENOMEM));
        return NULL;
    }
    uv_timer_init(uv, &watch->timer);
    uv_unref((uv_handle_t *)&watch->timer);
    watch->timer.data = watch;
    watch->changed = changed;
    watch->arg = arg;
    zl_watch_dirs_init(&watch->folders, uv, touch, watch);
    return watch;
}

static void free_watch(uv_handle_t *timer)
{
    free(timer->data);
}

void zl_watch_free(struct zl_watch *watch)
{
    if (!watch)
        return;
    zl_watch_dirs_fini(&watch->folders);
    free_paths(watch->paths, watch->count);
    uv_close((uv_handle_t *)&watch->timer, free_watch);
}
